/* token_command: `providerd token`: makes a token, and the line of the configuration that lets it in.
 *
 * Thread: the only one.
 */
#ifndef PROVIDERD_DAEMON_TOKEN_COMMAND_H
#define PROVIDERD_DAEMON_TOKEN_COMMAND_H

/* Prints both for a token of this name and scope ("read", "report" or "admin"). The exit status: 0, or 2 after saying
 * what is wrong. */
int token_command(const char *name, const char *scope);

#endif
