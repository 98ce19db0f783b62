#include "completions.h"

#include "bodies.h"
#include "dialect.h"
#include "errors.h"
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ECHO_WORDS = 6, PIECE_LETTERS = 4, TOKENS_OF_A_PROMPT = 9 };

static const char rubbish[] = "Lorem ipsum dolor sit amet, consectetur adipiscing elit.";

h2o_iovec_t completions_thought(void)
{
    return h2o_iovec_init(H2O_STRLIT("hmm "));
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static h2o_iovec_t trim(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    while (end > at && is_space(end[-1]))
        end--;
    return h2o_iovec_init(at, (size_t)(end - at));
}

static h2o_iovec_t first_words(h2o_iovec_t text, int words)
{
    for (size_t i = 1; i < text.len; i++)
        if (is_space(text.base[i]) && !is_space(text.base[i - 1]) && --words == 0)
            return h2o_iovec_init(text.base, i);
    return text;
}

static h2o_iovec_t echo(h2o_iovec_t prompt)
{
    h2o_iovec_t whole = trim(prompt.base, prompt.base + prompt.len);
    const char *colon = whole.len != 0 ? memrchr(whole.base, ':', whole.len) : NULL;
    h2o_iovec_t text = colon != NULL ? trim(colon + 1, whole.base + whole.len) : whole;
    if (text.len == 0 || colon == NULL)
        text = first_words(whole, ECHO_WORDS);
    return text.len != 0 ? text : h2o_iovec_init(H2O_STRLIT("H"));
}

/* Ids of models that think before they speak. */
static bool model_reasons(h2o_iovec_t id)
{
    static const char *const starts[] = {"o1", "o3", "o4", "gpt-5"}, *const parts[] = {"reasoner", "-r1", "thinking"};
    h2o_iovec_t last = id; /* after the owner's name, as in openai/o3-mini */
    const char *slash = id.len != 0 ? memrchr(id.base, '/', id.len) : NULL;
    if (slash != NULL)
        last = h2o_iovec_init(slash + 1, (size_t)(id.base + id.len - slash - 1));
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (last.len >= strlen(starts[i]) && strncasecmp(last.base, starts[i], strlen(starts[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        for (size_t at = 0; at + strlen(parts[i]) <= last.len; at++)
            if (strncasecmp(last.base + at, parts[i], strlen(parts[i])) == 0)
                return true;
    return false;
}

/* OpenAI's models keep their thoughts to themselves, and want the limit by its new name. */
static bool is_openais(enum family family)
{
    return family == FAMILY_OPENAI_ITSELF || family == FAMILY_AZURE;
}

static bool continues_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t count_characters(h2o_iovec_t text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += !continues_character(text.base[i]);
    return count;
}

/* Cuts the text between characters. More pieces than there are characters are filled up with spaces. */
static void split(struct speech *s, size_t pieces)
{
    size_t characters = count_characters(s->text), at = 0;
    s->count = pieces != 0 ? pieces : (characters + PIECE_LETTERS - 1) / PIECE_LETTERS;
    s->pieces = h2o_mem_alloc_pool(&s->call->req->pool, (s->count + 1) * sizeof(*s->pieces));
    for (size_t i = 0; i < s->count; i++) {
        size_t take = characters * (i + 1) / s->count - characters * i / s->count, start = at;
        if (pieces == 0)
            take = PIECE_LETTERS;
        else if (s->count > characters)
            take = i < characters;
        for (; take > 0 && at < s->text.len; take--)
            for (at++; at < s->text.len && continues_character(s->text.base[at]);)
                at++;
        s->pieces[i] = at > start ? h2o_iovec_init(s->text.base + start, at - start) : h2o_iovec_init(H2O_STRLIT(" "));
    }
}

static void limit(struct speech *s)
{
    size_t max = s->asked.max_tokens >= 0 ? (size_t)s->asked.max_tokens : SIZE_MAX;
    s->length = s->reasoning + s->count > max;
    if (s->reasoning > max)
        s->reasoning = max;
    if (s->count > max - s->reasoning)
        s->count = max - s->reasoning;
    s->text = h2o_iovec_init(H2O_STRLIT(""));
    for (size_t i = 0; i < s->count; i++)
        s->text.len += s->pieces[i].len;
    char *text = h2o_mem_alloc_pool(&s->call->req->pool, s->text.len + 1);
    s->text.base = text;
    for (size_t i = 0; i < s->count; i++) {
        memcpy(text, s->pieces[i].base, s->pieces[i].len);
        text += s->pieces[i].len;
    }
    *text = '\0';
    s->tokens = (unsigned)(s->reasoning + s->count);
}

static void prepare(struct speech *s)
{
    const struct figures *f = s->figures;
    s->model = f->model.base != NULL     ? f->model
               : s->asked.model.len != 0 ? s->asked.model
                                         : h2o_iovec_init(H2O_STRLIT("sim"));
    s->text = f->text.base != NULL ? f->text : echo(s->asked.prompt);
    if (s->call->behaviour.kind == BEHAVE_RUBBISH)
        s->text = h2o_iovec_init(H2O_STRLIT(rubbish));
    s->reasoning = f->reasoning_pieces >= 0        ? (size_t)f->reasoning_pieces
                   : model_reasons(s->asked.model) ? REASONING_TOKENS
                                                   : 0;
    s->reasoning_hidden = is_openais(s->family);
    s->prompt_tokens = (unsigned)(TOKENS_OF_A_PROMPT + s->asked.prompt.len / PIECE_LETTERS);
    split(s, f->pieces);
    limit(s);
}

/* What was written until now is due at this time. */
static void mark(struct speech *s, uint64_t at_us)
{
    s->marks[s->mark_count++] = (struct mark){s->body.len, at_us};
}

/* Keep-alives and the role come evenly between the request and the first token. */
static void write_start(struct speech *s, const struct voice *voice)
{
    int keepalives = s->figures->keepalives;
    if (keepalives < 0)
        keepalives = s->family == FAMILY_OPENROUTER;
    if (voice->keepalive == NULL)
        keepalives = 0;
    for (int i = 0; i < keepalives; i++) {
        voice->keepalive(s);
        mark(s, s->figures->first_token_us * (uint64_t)(i + 1) / (uint64_t)(keepalives + 2));
    }
    if (voice->begin != NULL) {
        voice->begin(s);
        mark(s, s->figures->first_token_us * (uint64_t)(keepalives + 1) / (uint64_t)(keepalives + 2));
    }
}

static void write_stream(struct speech *s, const struct voice *voice)
{
    enum behaviour_kind kind = s->call->behaviour.kind;
    size_t total = s->reasoning + s->count;
    bool breaks = kind == BEHAVE_STREAM_ERROR || kind == BEHAVE_STREAM_CUT;
    size_t said = breaks ? total / 2 : total, extra = 8;
    s->marks = h2o_mem_alloc_pool(&s->call->req->pool,
                                  (said + extra + (size_t)(s->figures->keepalives > 0 ? s->figures->keepalives : 1)) *
                                      sizeof(*s->marks));
    write_start(s, voice);
    for (size_t i = 0; i < said; i++) {
        bool reasoning = i < s->reasoning;
        if (!reasoning || !s->reasoning_hidden)
            voice->piece(s, reasoning ? completions_thought() : s->pieces[i - s->reasoning], reasoning, i);
        mark(s, figures_due_us(s->figures, i));
    }
    if (kind == BEHAVE_STREAM_ERROR)
        voice->error(s);
    else if (kind != BEHAVE_STREAM_CUT)
        voice->end(s);
    mark(s, figures_due_us(s->figures, said > 0 ? said - 1 : 0));
}

static void write_whole(struct speech *s, const struct voice *voice)
{
    s->marks = h2o_mem_alloc_pool(&s->call->req->pool, sizeof(*s->marks));
    voice->whole(s);
    mark(s, figures_due_us(s->figures, s->tokens > 0 ? s->tokens - 1 : 0));
}

static const struct voice *voice_of(enum tongue tongue)
{
    static const struct voice *const voices[] = {
        [TONGUE_OPENAI] = &voice_openai, [TONGUE_ANTHROPIC] = &voice_anthropic, [TONGUE_GEMINI] = &voice_gemini,
        [TONGUE_OLLAMA] = &voice_ollama, [TONGUE_COHERE] = &voice_cohere,       [TONGUE_BEDROCK] = &voice_bedrock,
    };
    return voices[tongue];
}

/* The provider's refusal of a model that is out of service, or of a parameter; .status 0 when it refuses neither. */
static struct answer refusal(const struct speech *s)
{
    static const char old_name[] = "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                                   "'max_completion_tokens' instead.";
    const struct behaviour *b = &s->call->behaviour;
    if (b->kind == BEHAVE_MODEL_GONE && bodies_model_place(s->family, s->asked.model) < b->number)
        return errors_answer(s->call->req, s->family, 0, CAUSE_MODEL, RETRY_AFTER_NONE);
    if (is_openais(s->family) && s->asked.max_tokens_by_its_old_name && model_reasons(s->asked.model)) {
        struct buf text = BUF_EMPTY;
        buf_printf(&text,
                   "{\"error\":{\"message\":\"%s\",\"type\":\"invalid_request_error\",\"param\":\"max_tokens\","
                   "\"code\":\"unsupported_parameter\"}}",
                   old_name);
        struct answer answer = bodies_json(h2o_strdup(&s->call->req->pool, buf_text(&text), text.len).base);
        buf_dispose(&text);
        answer.status = 400;
        return answer;
    }
    return (struct answer){.status = 0};
}

static struct speech speech_of(const struct call *call, enum tongue tongue)
{
    return (struct speech){.call = call,
                           .figures = figures_of(call->upstream, call->req),
                           .asked = asked_read(call, tongue),
                           .family = call->dialect->family};
}

/* Moves the body into the request's pool. */
static struct answer finished(struct speech *s, const struct voice *voice)
{
    struct answer answer = bodies_json("");
    if (s->asked.stream && !s->asked.as_array)
        answer.content_type = voice->stream_type;
    answer.body = h2o_strdup(&s->call->req->pool, buf_text(&s->body), s->body.len);
    buf_dispose(&s->body);
    return answer;
}

struct answer completions_answer(const struct call *call, enum tongue tongue)
{
    const struct voice *voice = voice_of(tongue);
    struct speech s = speech_of(call, tongue);
    struct answer answer = refusal(&s);
    if (answer.status != 0)
        return answer;
    prepare(&s);
    if (voice->piece == NULL)
        s.asked.stream = false;
    if (s.asked.stream)
        write_stream(&s, voice);
    else
        write_whole(&s, voice);
    answer = finished(&s, voice);
    answer.cut = s.asked.stream && call->behaviour.kind == BEHAVE_STREAM_CUT;
    if (answer.cut || s.marks[s.mark_count - 1].at_us > 0) {
        answer.marks = s.marks;
        answer.mark_count = s.mark_count;
    }
    limits_add(call->req, &answer, s.family, true);
    return answer;
}

struct answer completions_error(const struct call *call, enum tongue tongue)
{
    const struct voice *voice = voice_of(tongue);
    struct speech s = speech_of(call, tongue);
    if (!s.asked.stream || voice->error == NULL)
        return errors_in_200(call->req, s.family, false);
    voice->error(&s);
    return finished(&s, voice);
}
