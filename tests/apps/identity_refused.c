/* Makes one step of the change of identity fail for processes that ask for the group 61001 (supplementary groups), 61002 (group) or 61003 (user), by
   whichever call they take that step. Preloaded into httpd by a trial; elsewhere it passes everything on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <sys/types.h>
#include <unistd.h>

enum { GROUPS = 61001, GROUP, USER };

static gid_t asked;

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static void see(gid_t group) {
    if (group >= GROUPS && group <= USER) asked = group;
}

static int refuse(gid_t step) {
    if (asked != step) return 0;
    errno = EAGAIN;
    return 1;
}

int setgroups(size_t count, const gid_t *groups) {
    for (size_t n = 0; n < count; n++) see(groups[n]);
    return refuse(GROUPS) ? -1 : REAL(setgroups)(count, groups);
}

int initgroups(const char *user, gid_t group) {
    see(group);
    return refuse(GROUPS) ? -1 : REAL(initgroups)(user, group);
}

int setgid(gid_t group) {
    see(group);
    return refuse(GROUP) ? -1 : REAL(setgid)(group);
}

int setresgid(gid_t real, gid_t effective, gid_t saved) {
    see(effective);
    return refuse(GROUP) ? -1 : REAL(setresgid)(real, effective, saved);
}

int setuid(uid_t user) { return user != 0 && refuse(USER) ? -1 : REAL(setuid)(user); }

int setresuid(uid_t real, uid_t effective, uid_t saved) {
    return effective != 0 && refuse(USER) ? -1 : REAL(setresuid)(real, effective, saved);
}
