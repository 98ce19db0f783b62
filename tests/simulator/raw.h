/* raw: answers that break HTTP, or the connection, or never come.
 *
 * They take the request's socket over from h2o's HTTP/1 layer without its knowing: that layer neither reads nor writes
 * while it waits for a handler. In the end the descriptor is shut down and the request answered: the layer's own write
 * then fails, and it closes the connection and frees what it holds, as it does for any client that went away.
 * Thread: the loop's.
 */
#ifndef SIMULATOR_RAW_H
#define SIMULATOR_RAW_H

#include "server.h"

/* Does hang, stall, reset, close, short, garbage or endless-headers; true when call->behaviour is one of them. */
bool raw_begin(struct call *call);

/* While a call waits for its alarm: ends it when the client goes away. Undone before it is answered. */
void raw_watch(struct call *call);
void raw_unwatch(struct call *call);

#endif
