/* completions: what a provider says to a prompt, and when.
 *
 * It repeats what it was asked to repeat: the text after the last ":" of the last user message, or the message's first
 * six words. That text is said in pieces of about four letters, each of which counts as a token; as many as the
 * request's limit allows. Models that reason first spend REASONING_TOKENS on that. Figures that a test told (figures.h)
 * change all of it. Thread: the loop's.
 */
#ifndef SIMULATOR_COMPLETIONS_H
#define SIMULATOR_COMPLETIONS_H

#include "asked.h"
#include "dialect.h"
#include "figures.h"

#include "base/buf.h"
#include "base/json.h"

enum { REASONING_TOKENS = 16 };

/* What is said, and the stream of it as far as it is written. */
struct speech {
    const struct call *call;
    const struct figures *figures;
    struct asked asked;
    enum family family;
    h2o_iovec_t model;
    h2o_iovec_t text;    /* as far as the limit lets it */
    h2o_iovec_t *pieces; /* of the text */
    size_t count;        /* of them */
    size_t reasoning;    /* tokens before the text */
    bool reasoning_hidden;
    bool length; /* it ended for the limit */
    unsigned prompt_tokens, tokens;
    struct buf body;
    struct mark *marks;
    size_t mark_count;
};

/* How one API writes a completion. Those of a stream append to speech->body. */
struct voice {
    const char *stream_type;
    void (*keepalive)(struct speech *speech); /* NULL: it has none */
    void (*begin)(struct speech *speech);     /* what comes before the first token; NULL: nothing */
    void (*piece)(struct speech *speech, h2o_iovec_t text, bool reasoning, size_t number);
    void (*end)(struct speech *speech);
    void (*error)(struct speech *speech);
    void (*whole)(struct speech *speech);
};

extern const struct voice voice_openai, voice_anthropic, voice_gemini, voice_ollama, voice_cohere, voice_bedrock;

/* The answer to a completion in this API; .status is 400 or 404 when the provider refuses it. */
struct answer completions_answer(const struct call *call, enum tongue tongue);

/* An error inside a 200: in a stream as the API sends one. */
struct answer completions_error(const struct call *call, enum tongue tongue);

/* For voices: a reasoning token's text. */
h2o_iovec_t completions_thought(void);

#endif
