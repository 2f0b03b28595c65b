/* Backups: a copy of the file, in parts. */
#ifndef LMDBX_QUEUE_BACKUP_H
#define LMDBX_QUEUE_BACKUP_H

#include "queue/request.h"

/* Gives a backup its moment. The worker of its writer, which has the turn. */
void lmdbx__backup_begin(struct lmdbx__request *request);
/* Fills in the result of a part; the backup is the callee's if more follows. Owner
 * thread. */
void lmdbx__backup_report(struct lmdbx__request *request, struct lmdbx_result *result);
void lmdbx__backup_free(struct lmdbx_backup *backup); /* any thread; NULL is fine */
/* The host stops: ends all, and removes their files. Waits for a part that is under
 * way, which ends soon. Owner thread. */
void lmdbx__backups_end(struct lmdbx_repository *repository);

#endif
