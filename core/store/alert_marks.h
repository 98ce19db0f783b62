/* alert_marks: what each alert must remember, on its way to provider_alert_marks: the latest of each counts.
 *
 * Thread: the store's mutex guards a list; one that was taken belongs to who took it. Internal to store/.
 */
#ifndef PROVIDERD_STORE_ALERT_MARKS_H
#define PROVIDERD_STORE_ALERT_MARKS_H

#include "store/store.h"

#include <sqlite3.h>

struct waiting_marks;

struct marks_list {
    struct waiting_marks *first; /* one for each alert */
    size_t count;
};

/* Takes a copy, which replaces what waits of the same alert. False when memory ran out. */
bool marks_list_add(struct marks_list *list, const char *alert, const struct alert_mark *marks, size_t count);

/* Moves those of `from`, which is older, into `into`, but where that has newer ones. */
void marks_list_put_back(struct marks_list *into, struct marks_list *from);
void marks_list_dispose(struct marks_list *list);

struct marks_statements {
    sqlite3_stmt *forget; /* all of an alert */
    sqlite3_stmt *insert;
};
int marks_prepare(sqlite3 *handle, struct marks_statements *statements); /* an SQLite result */
void marks_finalize(struct marks_statements *statements);

/* Writes every one, within the transaction of the caller. Returns an SQLite result. */
int marks_write(const struct marks_list *list, const struct marks_statements *statements);

#endif
