/* best: who is best, asked of the policies at most once for each different question and version of the snapshot.
 *
 * Each thread keeps its answers to the latest questions (query strings), one for each head of the spread. An answer is
 * used again while the snapshot stays the same, but no longer than a second: some of it depends on the time. When
 * snapshots follow each other so fast that ranking would take the thread's time, it is used again for ten times as long
 * as its ranking took, at most that second too: so no more than about a tenth of the time goes into rankings.
 *
 * Internal to serve/. Thread: the one that owns it.
 */
#ifndef PROVIDERD_SERVE_BEST_H
#define PROVIDERD_SERVE_BEST_H

#include "serve/request.h"

struct best_cache;

struct best_cache *best_cache_new(void);          /* NULL when memory ran out */
void best_cache_free(struct best_cache *cache);   /* NULL is allowed */
void best_cache_forget(struct best_cache *cache); /* all answers: the policies are others */

/* Whether the answer to a question is another one than at the version of the snapshot that the client has. */
bool best_is_news(struct request *request, int64_t version);

/* Who was best before the start. */
void best_recall(struct http_thread *thread, const char *name);

/* GET /api/providers/best and /api/policies. */
void handle_best(struct request *request);
void handle_policies(struct request *request);

/* Asks the policy in force, so that a change of the best is noticed though nobody asks. */
void best_watch(struct http_thread *thread);

#endif
