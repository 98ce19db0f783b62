/* outcome: how a transfer of libcurl's ended, in our words, and where its time went. Internal. */
#ifndef PROVIDERD_PROBE_OUTCOME_H
#define PROVIDERD_PROBE_OUTCOME_H

#include "probe/prober.h"

#include <curl/curl.h>

/* The layer that a transfer failed at; PROBE_OK for CURLE_OK. */
enum probe_error outcome_error(CURLcode code);

/* Fills the phases of a transfer that has ended. */
void outcome_measure(CURL *easy, struct probe_phases *phases);

#endif
