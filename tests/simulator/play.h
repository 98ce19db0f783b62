/* play: sends an answer as its marks tell, each part at its own moment. Deadlines are absolute: one that is missed does
 * not delay the next. The headers go with the first part.
 * Thread: the loop's. */
#ifndef SIMULATOR_PLAY_H
#define SIMULATOR_PLAY_H

#include "server.h"

/* The answer has marks. A client that leaves ends it. */
void play_begin(struct call *call, const struct answer *answer);

#endif
