/* Locks, conditions, threads and atomics of the two platforms under one set of names.  Private
   to pool.c. */
#ifndef CG_POOL_PLATFORM_H
#define CG_POOL_PLATFORM_H

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <process.h>

typedef SRWLOCK cg_mutex;
typedef CONDITION_VARIABLE cg_cond;
typedef volatile LONG64 cg_atomic;
#define CG_MUTEX_INIT SRWLOCK_INIT
#define CG_COND_INIT CONDITION_VARIABLE_INIT
#define CG_THREAD_LOCAL __declspec(thread)
#define cg_lock(m) AcquireSRWLockExclusive(m)
#define cg_unlock(m) ReleaseSRWLockExclusive(m)
#define cg_wait(c, m) SleepConditionVariableSRW(c, m, INFINITE, 0)
#define cg_signal(c) WakeConditionVariable(c)
#define cg_broadcast(c) WakeAllConditionVariable(c)
#define cg_load(p) InterlockedCompareExchange64(p, 0, 0)
#define cg_store(p, v) ((void)InterlockedExchange64(p, v))
#define cg_exchange(p, v) InterlockedExchange64(p, v)
#define cg_fetch_add(p, v) InterlockedExchangeAdd64(p, v)
#define cg_yield() SwitchToThread()

typedef void (*cg_thread_main)(void);

static unsigned __stdcall cg_thread_entry(void *arg)
{
    (*(const cg_thread_main *)arg)();
    return 0;
}

static int cg_thread_start(const cg_thread_main *fn)
{
    uintptr_t h = _beginthreadex(NULL, 0, cg_thread_entry, (void *)fn, 0, NULL);
    if (h)
        CloseHandle((HANDLE)h);
    return h != 0;
}

#else
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

typedef pthread_mutex_t cg_mutex;
typedef pthread_cond_t cg_cond;
typedef _Atomic int64_t cg_atomic;
#define CG_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER
#define CG_COND_INIT PTHREAD_COND_INITIALIZER
#define CG_THREAD_LOCAL _Thread_local
#define cg_lock(m) pthread_mutex_lock(m)
#define cg_unlock(m) pthread_mutex_unlock(m)
#define cg_wait(c, m) pthread_cond_wait(c, m)
#define cg_signal(c) pthread_cond_signal(c)
#define cg_broadcast(c) pthread_cond_broadcast(c)
/* In one order for all threads: pool.c has pairs of them that each write one and read the other. */
#define cg_load(p) atomic_load(p)
#define cg_store(p, v) atomic_store(p, v)
#define cg_exchange(p, v) atomic_exchange(p, v)
#define cg_fetch_add(p, v) atomic_fetch_add(p, v)
#define cg_yield() sched_yield()

typedef void (*cg_thread_main)(void);

static void *cg_thread_entry(void *arg)
{
    (*(const cg_thread_main *)arg)();
    return NULL;
}

/* Start a detached thread; 0 if the system refuses.  Signals stay with the program's own threads:
   a worker must never run Python's handlers. */
static int cg_thread_start(const cg_thread_main *fn)
{
    pthread_t thread;
    sigset_t all, old;
    int failed;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    failed = pthread_create(&thread, NULL, cg_thread_entry, (void *)(uintptr_t)fn);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!failed)
        pthread_detach(thread);
    return !failed;
}
#endif

/* One turn of a spin loop. */
static inline void cg_pause(void)
{
#if defined(_WIN32)
    YieldProcessor();
#elif defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

#endif
