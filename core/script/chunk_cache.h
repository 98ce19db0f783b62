/* chunk_cache: the libraries that scripts require, compiled once for all Lua states instead of by each of them.
 *
 * What is kept is Lua's own precompiled form (lua_dump), made here from text and handed to nobody else: scripts cannot
 * load such code themselves. A file is known by its device, inode, size and times; one that has changed is compiled
 * anew. CHUNK_CACHE_MAX bytes are kept in all; when they are used up, all of it is forgotten.
 *
 * Thread: any; a lock is held for the look-up.
 */
#ifndef PROVIDERD_SCRIPT_CHUNK_CACHE_H
#define PROVIDERD_SCRIPT_CHUNK_CACHE_H

#include <lua.h>

enum { CHUNK_CACHE_MAX = 8 * 1024 * 1024 };

/* Pushes the file's chunk. Raises "file:line: reason". [-0, +1, e] */
void chunk_cache_load(lua_State *L, const char *path);

#endif
