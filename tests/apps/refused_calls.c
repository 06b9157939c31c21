/* Has the kernel refuse one system call with EMFILE in processes of one name: loaded before everything else (LD_PRELOAD), it reads `REFUSED_CALL` and
   `REFUSED_IN`, and installs a seccomp filter, which also covers calls that do not go through the C library. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int number(const char *name) {
    if (strcmp(name, "memfd_create") == 0) return SYS_memfd_create;
    if (strcmp(name, "socketpair") == 0) return SYS_socketpair;
    if (strcmp(name, "pipe2") == 0) return SYS_pipe2;
    return -1;
}

__attribute__((constructor)) static void begin(void) {
    const char *call = getenv("REFUSED_CALL"), *name = getenv("REFUSED_IN");
    if (!call || !name || strcmp(program_invocation_short_name, name) != 0) return;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned) number(call), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EMFILE),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("refused_calls");
        abort();
    }
}
