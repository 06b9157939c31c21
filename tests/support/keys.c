/* Counts the thread-specific keys of one process: loaded before everything else (LD_PRELOAD), it stands between programs and the C library.
   The first process that loads it makes the file that PTHREAD_KEYS_FILE names and counts there; its children and what they run do not. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct { _Atomic long live; long owner; } *counted;
static pid_t owner;

static void count(long change)
{
    if (counted && getpid() == owner)
        atomic_fetch_add(&counted->live, change);
}

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    int (*original)(pthread_key_t *, void (*)(void *)) = dlsym(RTLD_NEXT, "pthread_key_create");
    int failed = original(key, destructor);
    if (!failed)
        count(1);
    return failed;
}

int pthread_key_delete(pthread_key_t key)
{
    int (*original)(pthread_key_t) = dlsym(RTLD_NEXT, "pthread_key_delete");
    int failed = original(key);
    if (!failed)
        count(-1);
    return failed;
}

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("PTHREAD_KEYS_FILE");
    int file = name ? open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;
    if (file < 0 || ftruncate(file, sizeof *counted) != 0)
        return;
    void *place = mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (place == MAP_FAILED)
        return;
    counted = place;
    counted->owner = owner = getpid();
    /* One of our own, so that a count of none says that nobody counts. */
    pthread_key_t key;
    pthread_key_create(&key, NULL);
}
