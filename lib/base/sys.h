/*
 * sys.h - the system calls that touch files, in one place so that tests can
 * make any of them fail. In builds with COEDGE_FAULTS (asan, tsan, cover) the
 * environment variable COEDGE_FAULT="write:3:ENOSPC" makes the third write
 * fail; "write:3:short" halves it; "write:3:kill" ends the process there.
 * COEDGE_FAULT="alloc:17:ENOMEM" makes the 17th arena or text allocation fail.
 * All retry EINTR and otherwise behave as the call they are named after.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

int sys_open(const char *path, int flags, mode_t mode);
int sys_openat(int folder, const char *name, int flags);
ssize_t sys_read(int fd, void *buf, size_t count);
ssize_t sys_write(int fd, const void *buf, size_t count);
int sys_fsync(int fd);
int sys_close(int fd);
int sys_rename(const char *from, const char *to);
int sys_unlink(const char *path);
int sys_link(const char *from, const char *to);
int sys_mkdir(const char *path, mode_t mode);
void *sys_mmap(size_t length, int protection, int flags, int fd, off_t offset);
/* malloc, calloc-like zeroing, and realloc that can be made to fail. */
void *sys_alloc(size_t bytes);
void *sys_realloc(void *old, size_t bytes);

#endif
