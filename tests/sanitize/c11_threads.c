/* C11's threads by means of POSIX's, for ThreadSanitizer: it sees pthread_create() and pthread_mutex_lock(), but neither thrd_create()
 * nor mtx_lock(), which librdkafka uses. A thread that it did not see begin makes it crash; a lock that it does not see
 * looks like a race. Linked into the programs of that variant, these are found before the C library's. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "a mtx_t has room for a mutex");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "a cnd_t has room for a condition");
_Static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "a once_flag is a pthread_once_t");

struct start {
    thrd_start_t function;
    void *argument;
};

/* The header's parameters have reserved names; what is copied into a new mutex or condition is the initialiser of one.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name,misc-non-copyable-objects,cert-fio38-c) */

static int result_of(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case ENOMEM:
        return thrd_nomem;
    case ETIMEDOUT:
        return thrd_timedout;
    case EBUSY:
        return thrd_busy;
    default:
        return thrd_error;
    }
}

static void *run(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    return (void *)(intptr_t)start.function(start.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument)
{
    struct start *start = malloc(sizeof *start);
    if (!start)
        return thrd_nomem;
    *start = (struct start){function, argument};
    int error = pthread_create(thread, NULL, run, start);
    if (error)
        free(start);
    return result_of(error);
}

int thrd_join(thrd_t thread, int *result)
{
    void *returned;
    int error = pthread_join(thread, &returned);
    if (!error && result)
        *result = (int)(intptr_t)returned;
    return result_of(error);
}

/* Not by pthread_mutex_init(): it counts as a write, and that the library orders it by its own atomic counts is not seen. Nor does the C
 * library have anything to free in destroying. */
__attribute__((no_sanitize_thread)) int mtx_init(mtx_t *mutex, int type)
{
    static const pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
    static const pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    *(pthread_mutex_t *)mutex = (type & mtx_recursive) ? recursive : plain;
    return thrd_success;
}

void mtx_destroy(mtx_t *mutex)
{
    (void)mutex;
}

int mtx_lock(mtx_t *mutex)
{
    return result_of(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_trylock(mtx_t *mutex)
{
    return result_of(pthread_mutex_trylock((pthread_mutex_t *)mutex));
}

int mtx_unlock(mtx_t *mutex)
{
    return result_of(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

__attribute__((no_sanitize_thread)) int cnd_init(cnd_t *condition)
{
    static const pthread_cond_t plain = PTHREAD_COND_INITIALIZER;
    *(pthread_cond_t *)condition = plain;
    return thrd_success;
}

void cnd_destroy(cnd_t *condition)
{
    (void)condition;
}

int cnd_signal(cnd_t *condition)
{
    return result_of(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return result_of(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return result_of(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    return result_of(pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

void call_once(once_flag *flag, void (*function)(void))
{
    (void)pthread_once((pthread_once_t *)flag, function);
}

/* Locks of librdkafka's own would be passed over with all its calls (thread.supp): called from here they are seen. */
extern int seen_rdlock(pthread_rwlock_t *lock) __asm__("__interceptor_pthread_rwlock_rdlock");
extern int seen_wrlock(pthread_rwlock_t *lock) __asm__("__interceptor_pthread_rwlock_wrlock");
extern int seen_unlock(pthread_rwlock_t *lock) __asm__("__interceptor_pthread_rwlock_unlock");

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    return seen_rdlock(lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    return seen_wrlock(lock);
}

int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    return seen_unlock(lock);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name,misc-non-copyable-objects,cert-fio38-c) */
