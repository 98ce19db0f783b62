#include "probe/mailing.h"

#include <stdlib.h>
#include <string.h>

struct mailing {
    char *from;
    char *user;
    char *password;
    struct curl_slist *to;
    bool plain;
    const char *message;
    size_t len;
    size_t sent;
};

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

struct mailing *mailing_new(const struct probe_mail *mail)
{
    struct mailing *mailing = calloc(1, sizeof(*mailing));
    if (mailing == NULL)
        return NULL;
    mailing->plain = mail->plain;
    mailing->from = copy(mail->from);
    mailing->user = copy(mail->user);
    mailing->password = copy(mail->password);
    bool whole = mailing->from != NULL && (mailing->user != NULL) == (mail->user != NULL) &&
                 (mailing->password != NULL) == (mail->password != NULL);
    for (const char *const *to = mail->to; *to != NULL && whole; ++to) {
        struct curl_slist *longer = curl_slist_append(mailing->to, *to);
        whole = longer != NULL;
        if (whole)
            mailing->to = longer;
    }
    if (whole)
        return mailing;
    mailing_free(mailing);
    return NULL;
}

void mailing_free(struct mailing *mailing)
{
    if (mailing == NULL)
        return;
    if (mailing->password != NULL)
        explicit_bzero(mailing->password, strlen(mailing->password));
    free(mailing->password);
    free(mailing->user);
    free(mailing->from);
    curl_slist_free_all(mailing->to);
    free(mailing);
}

static size_t give(char *to, size_t size, size_t count, void *user)
{
    struct mailing *mailing = user;
    size_t left = mailing->len - mailing->sent, room = size * count;
    size_t len = left < room ? left : room;
    memcpy(to, mailing->message + mailing->sent, len);
    mailing->sent += len;
    return len;
}

void mailing_attach(struct mailing *mailing, CURL *easy, const char *message, size_t len)
{
    mailing->message = message;
    mailing->len = len;
    mailing->sent = 0;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, mailing->from);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, mailing->to);
    curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)(mailing->plain ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    if (mailing->user != NULL) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, mailing->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, mailing->password);
    }
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(easy, CURLOPT_READDATA, mailing);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
}
