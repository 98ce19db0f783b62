/* control: the /_sim routes by which a test steers the simulator and looks at what it received. Thread: the loop's. */
#ifndef SIMULATOR_CONTROL_H
#define SIMULATOR_CONTROL_H

#include "server.h"

/* Answers the request if its path is below /_sim; false when it is not. */
bool control_handle(struct simulator *simulator, h2o_req_t *req);

/* Forgets what tests told the providers to say: answers, figures and status pages. */
void control_forget(struct simulator *simulator);

#endif
