/* Makes one call of the change of identity fail, or lie, in the process between supervisor and daemon. Which one is told by what the
   configuration asks for: the group's number, or the path. Preloaded into httpd by a trial; elsewhere it passes everything on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

enum { FIRST = 61001, SETGROUPS = FIRST, SETRESGID, SETRESUID, GETRESUID, GETRESGID, GETGROUPS, NEW_PRIVILEGES, DEATH_SIGNAL, CHDIR,
       SETRESUID_LIES, SAVED_UID_STAYS, SETRESGID_LIES, SETGROUPS_LIES };

static gid_t asked;
static pid_t supervisor;

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
    if (strcmp(program_invocation_short_name, "wsgi-supervisor") == 0) supervisor = getpid();
}

/* Is this the forked child of the supervisor? */
static int between(void) { return supervisor && getpid() != supervisor; }

static int refuse(gid_t which) {
    if (!between() || asked != which) return 0;
    errno = EAGAIN;
    return 1;
}

int setgroups(size_t count, const gid_t *groups) {
    if (between()) {
        for (size_t n = 0; n < count; n++)
            if (groups[n] >= FIRST && groups[n] <= SETGROUPS_LIES) asked = groups[n];
        if (asked == SETGROUPS_LIES) return 0;
    }
    return refuse(SETGROUPS) ? -1 : REAL(setgroups)(count, groups);
}

int setresgid(gid_t real, gid_t effective, gid_t saved) {
    if (between() && asked == SETRESGID_LIES) return 0;
    return refuse(SETRESGID) ? -1 : REAL(setresgid)(real, effective, saved);
}

int setresuid(uid_t real, uid_t effective, uid_t saved) {
    if (between() && asked == SETRESUID_LIES && real != 0) return 0;
    if (between() && asked == SAVED_UID_STAYS && real != 0) return REAL(setresuid)(real, effective, 0);
    return refuse(SETRESUID) ? -1 : REAL(setresuid)(real, effective, saved);
}

int getresuid(uid_t *real, uid_t *effective, uid_t *saved) {
    return refuse(GETRESUID) ? -1 : REAL(getresuid)(real, effective, saved);
}

int getresgid(gid_t *real, gid_t *effective, gid_t *saved) {
    return refuse(GETRESGID) ? -1 : REAL(getresgid)(real, effective, saved);
}

int getgroups(int room, gid_t *groups) { return refuse(GETGROUPS) ? -1 : REAL(getgroups)(room, groups); }

int prctl(int option, ...) {
    va_list list;
    unsigned long a, b, c, d;
    va_start(list, option);
    a = va_arg(list, unsigned long);
    b = va_arg(list, unsigned long);
    c = va_arg(list, unsigned long);
    d = va_arg(list, unsigned long);
    va_end(list);
    if (option == PR_SET_NO_NEW_PRIVS && refuse(NEW_PRIVILEGES)) return -1;
    if (option == PR_SET_PDEATHSIG && refuse(DEATH_SIGNAL)) return -1;
    return REAL(prctl)(option, a, b, c, d);
}

int chdir(const char *path) { return refuse(CHDIR) ? -1 : REAL(chdir)(path); }

int chroot(const char *path) {
    char here[4096];
    /* It enters the directory first, and makes `.` its root. */
    if (between() && getcwd(here, sizeof here) && strstr(here, "refused-root")) {
        errno = EPERM;
        return -1;
    }
    return REAL(chroot)(path);
}
