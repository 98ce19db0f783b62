#include "probe/outcome.h"

const char *probe_error_name(enum probe_error error)
{
    static const char *const names[] = {
        [PROBE_OK] = NULL,
        [PROBE_TIMEOUT] = "timeout",
        [PROBE_DNS] = "dns",
        [PROBE_CONNECT] = "connect",
        [PROBE_TLS] = "tls",
        [PROBE_BAD_RESPONSE] = "bad_response",
        [PROBE_CANCELLED] = "cancelled",
    };
    return names[error];
}

enum probe_error outcome_error(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return PROBE_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return PROBE_TIMEOUT;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return PROBE_DNS;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
    case CURLE_PROXY:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
        return PROBE_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return PROBE_TLS;
    default:
        return PROBE_BAD_RESPONSE;
    }
}

static curl_off_t time_of(CURL *easy, CURLINFO info)
{
    curl_off_t us = 0;
    curl_easy_getinfo(easy, info, &us);
    return us;
}

static float span_ms(curl_off_t from_us, curl_off_t to_us)
{
    return to_us >= from_us && to_us > 0 ? (float)(to_us - from_us) / 1000.0f : -1.0f;
}

/* Times as libcurl counts them (curl_easy_getinfo(3), "TIMES"): all from the start of the request, 0 = not reached. */
void outcome_measure(CURL *easy, struct probe_phases *phases)
{
    long new_connections = 0;
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &new_connections);

    curl_off_t looked_up = time_of(easy, CURLINFO_NAMELOOKUP_TIME_T);
    curl_off_t connected = time_of(easy, CURLINFO_CONNECT_TIME_T);
    curl_off_t secured = time_of(easy, CURLINFO_APPCONNECT_TIME_T);
    curl_off_t sending = time_of(easy, CURLINFO_PRETRANSFER_TIME_T);
    curl_off_t first_byte = time_of(easy, CURLINFO_STARTTRANSFER_TIME_T);
    if (new_connections > 0) {
        phases->dns_ms = span_ms(0, looked_up);
        phases->connect_ms = connected > 0 ? span_ms(looked_up, connected) : -1.0f;
        phases->tls_ms = secured > 0 ? span_ms(connected, secured) : -1.0f;
    }
    phases->first_byte_ms = first_byte > 0 ? span_ms(sending, first_byte) : -1.0f;
    phases->total_ms = (float)time_of(easy, CURLINFO_TOTAL_TIME_T) / 1000.0f;
}
