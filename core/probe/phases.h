/* phases: where a probe's time went. */
#ifndef PROVIDERD_PROBE_PHASES_H
#define PROVIDERD_PROBE_PHASES_H

/* Milliseconds, each the length of its own phase; -1 when it did not happen (a kept-alive connection has no DNS,
 * connect and TLS phase). */
struct probe_phases {
    float dns_ms;
    float connect_ms;
    float tls_ms;
    float first_byte_ms; /* request sent -> first byte of the answer */
    float total_ms;      /* the whole request */
};

#define PROBE_PHASES_NONE ((struct probe_phases){-1, -1, -1, -1, -1})

#endif
