/* Lets the module fork no log writer. What it forks to execute a program goes on: the standard library makes a pipe or a pair of sockets before that, by
   the C library; the log writer's own is made without that. Preloaded into httpd by a trial. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static int executes;

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static int of_module(void *address) {
    Dl_info caller;
    return dladdr(address, &caller) && caller.dli_fname && strstr(caller.dli_fname, "mod_wsgi_rs.so");
}

int pipe2(int pair[2], int flags) {
    executes |= of_module(__builtin_return_address(0));
    return REAL(pipe2)(pair, flags);
}

int socketpair(int family, int type, int protocol, int pair[2]) {
    executes |= of_module(__builtin_return_address(0));
    return REAL(socketpair)(family, type, protocol, pair);
}

pid_t fork(void) {
    if (of_module(__builtin_return_address(0))) {
        if (!executes) {
            errno = EAGAIN;
            return -1;
        }
        executes = 0;
    }
    return REAL(fork)();
}
