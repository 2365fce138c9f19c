/* The thread pool; see pool.h for what it promises.

   One job at a time.  Its description lies in `pool`, written while nobody has a seat.  A worker
   that sees a new generation counts itself as active, then tries to take a seat; who has one reads
   the description and works.  The caller closes the job by taking all seats away and waits until
   nobody is active.  The mutex is for sleeping alone: threads that wait awake would find each other
   holding it, and sleep on it. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE                 /* sched_getaffinity */
#endif
#include "pool.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pool_platform.h"
#ifndef _WIN32
#include <unistd.h>
#endif
#ifdef __linux__
#include <sched.h>
#endif

/* For tests/pool_stress.c: threads change where it matters, and there are CG_STRESS processors. */
#ifdef CG_STRESS
#  define STRESS() cg_yield()
#else
#  define STRESS() ((void)0)
#endif

enum {
    MAX_THREADS = 1024,
    /* Before a thread sleeps, from which a virtual machine wakes it after 50 microseconds: */
    PAUSES = 400,                   /* 5 to 15 microseconds */
    YIELDS = 400                    /* 100 to 300 more, in which it gives way to whoever can run */
};

static struct {
    cg_mutex mutex;
    cg_cond wake;                   /* there is a new generation */
    cg_cond done;                   /* nobody is active */
    int started;                    /* workers alive: the owner's */
    int sleeping;                   /* workers waiting on `wake`: under the mutex */
    cg_task fn;
    void *ctx;
    int64_t n, grain;
    cg_atomic seats;                /* workers that may still join; also below 0 */
    cg_atomic next;                 /* next block to hand out */
    cg_atomic active;               /* workers with a seat, or looking for one */
    cg_atomic waiting;              /* the caller waits on `done` */
    cg_atomic generation;           /* counts jobs: what an idle worker watches */
    cg_atomic busy;                 /* a caller owns the pool */
} pool = {.mutex = CG_MUTEX_INIT, .wake = CG_COND_INIT, .done = CG_COND_INIT};

static cg_atomic num_threads;       /* 0: not yet determined */
static cg_atomic num_cpus;          /* CPUs this process may use; 0: not yet determined */
static CG_THREAD_LOCAL int inside;  /* this thread is running a job's block */

static void run_blocks(void)
{
    int64_t grain = pool.grain, n = pool.n, begin;
    int64_t blocks = n / grain + (n % grain != 0), b;
    while ((b = cg_fetch_add(&pool.next, 1)) < blocks) {
        begin = b * grain;
        pool.fn(pool.ctx, begin, n - begin > grain ? begin + grain : n);
    }
}

/* The i-th turn of a thread that waits for another; 0: it waited long enough, or has no processor
   to wait on. */
static int wait_turn(int i)
{
    if (i >= PAUSES + YIELDS || cg_load(&num_threads) > cg_load(&num_cpus))
        return 0;
    if (i < PAUSES)
        cg_pause();
    else
        cg_yield();
    return 1;
}

static void worker(void)
{
    int64_t seen = -1;
    int turns = 0;
    inside = 1;
    for (;;) {
        while (cg_load(&pool.generation) == seen && wait_turn(turns))
            turns++;
        if (cg_load(&pool.generation) == seen) {
            cg_lock(&pool.mutex);
            pool.sleeping++;
            while (cg_load(&pool.generation) == seen)
                cg_wait(&pool.wake, &pool.mutex);
            pool.sleeping--;
            cg_unlock(&pool.mutex);
        }
        seen = cg_load(&pool.generation);
        if (cg_load(&pool.seats) <= 0)
            continue;
        cg_fetch_add(&pool.active, 1);
        STRESS();
        if (cg_fetch_add(&pool.seats, -1) > 0) {
            STRESS();
            run_blocks();
            turns = 0;
        }
        if (cg_fetch_add(&pool.active, -1) == 1 && cg_load(&pool.waiting)) {
            cg_lock(&pool.mutex);
            cg_broadcast(&pool.done);
            cg_unlock(&pool.mutex);
        }
    }
}

#ifndef _WIN32
static void after_fork_in_child(void)
{
    /* Only the forking thread lives on: whatever the others held or ran is gone. */
    static const cg_mutex fresh_mutex = CG_MUTEX_INIT;
    static const cg_cond fresh_cond = CG_COND_INIT;
    pool.mutex = fresh_mutex;
    pool.wake = pool.done = fresh_cond;
    pool.started = pool.sleeping = 0;
    cg_store(&pool.seats, 0);
    cg_store(&pool.active, 0);
    cg_store(&pool.waiting, 0);
    cg_store(&pool.busy, 0);
}
#endif

/* Have at least `count` workers, or as many as the system grants. */
static void start_workers(int count)
{
    static const cg_thread_main entry = worker;
#ifndef _WIN32
    static int registered;
    if (!registered) {
        registered = 1;
        pthread_atfork(NULL, NULL, after_fork_in_child);
    }
#endif
    while (pool.started < count && cg_thread_start(&entry))
        pool.started++;
}

static void run_serially(cg_task fn, void *ctx, int64_t n, int64_t grain)
{
    int64_t begin;
    for (begin = 0; n - begin > grain; begin += grain)
        fn(ctx, begin, begin + grain);
    fn(ctx, begin, n);
}

void cg_parallel_for(cg_task fn, void *ctx, int64_t n, int64_t grain)
{
    int threads, i;
    int64_t blocks;
    if (n <= 0)
        return;
    if (grain < 1)
        grain = 1;
    if (n <= grain) {
        fn(ctx, 0, n);
        return;
    }
    threads = inside ? 1 : cg_useful_threads();
    blocks = n / grain + (n % grain != 0);
    if (threads > blocks)
        threads = (int)blocks;
    if (threads == 1 || cg_exchange(&pool.busy, 1)) {
        run_serially(fn, ctx, n, grain);
        return;
    }
    start_workers(threads - 1);
    pool.fn = fn;
    pool.ctx = ctx;
    pool.n = n;
    pool.grain = grain;
    cg_store(&pool.next, 0);
    cg_store(&pool.seats, threads - 1);
    cg_lock(&pool.mutex);
    cg_fetch_add(&pool.generation, 1);
    /* Only as many as are not awake anyway. */
    for (i = pool.started - pool.sleeping; i < threads - 1; i++)
        cg_signal(&pool.wake);
    cg_unlock(&pool.mutex);

    inside = 1;
    run_blocks();
    inside = 0;

    cg_store(&pool.seats, 0);       /* from here on nobody new gets in */
    STRESS();
    for (i = 0; cg_load(&pool.active) && wait_turn(i); i++)
        ;
    if (cg_load(&pool.active)) {
        cg_lock(&pool.mutex);
        cg_store(&pool.waiting, 1);
        while (cg_load(&pool.active))
            cg_wait(&pool.done, &pool.mutex);
        cg_store(&pool.waiting, 0);
        cg_unlock(&pool.mutex);
    }
    cg_store(&pool.busy, 0);
}

#ifdef __linux__
static int read_line(const char *path, char *line, size_t size)
{
    FILE *f = fopen(path, "re");
    int ok = f && fgets(line, (int)size, f);
    if (f)
        fclose(f);
    return ok;
}

/* CPUs granted by the quota files in the control group at `base`/`group`; 0: no limit. */
static int group_quota(const char *base, const char *group, int v2)
{
    char path[4608], line[128];
    double quota = -1, period = 0;
    if (v2) {
        snprintf(path, sizeof path, "%s%s/cpu.max", base, group);
        if (!read_line(path, line, sizeof line) || sscanf(line, "%lf %lf", &quota, &period) != 2)
            return 0;               /* "max" is no number: no limit */
    } else {
        snprintf(path, sizeof path, "%s%s/cpu.cfs_quota_us", base, group);
        if (!read_line(path, line, sizeof line) || sscanf(line, "%lf", &quota) != 1)
            return 0;
        snprintf(path, sizeof path, "%s%s/cpu.cfs_period_us", base, group);
        if (!read_line(path, line, sizeof line) || sscanf(line, "%lf", &period) != 1)
            return 0;
    }
    if (quota <= 0 || period <= 0 || quota / period > MAX_THREADS)
        return 0;
    return (int)(quota / period + 0.999) > 0 ? (int)(quota / period + 0.999) : 1;
}

/* The least quota on the way from the process's control group to the root: a parent's quota
   binds its children. */
static int cgroup_cpus(void)
{
    char line[4096], *group, *slash;
    int least = 0, v2, q;
    FILE *f = fopen("/proc/self/cgroup", "re");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        v2 = !strncmp(line, "0::", 3);
        if (!v2 && !strstr(line, ":cpu,") && !strstr(line, ":cpu:") && !strstr(line, ",cpu:") &&
            !strstr(line, ",cpu,"))
            continue;
        group = strchr(line, ':');
        group = group ? strchr(group + 1, ':') : NULL;
        if (!group)
            continue;
        group++;
        for (;;) {
            if (!strcmp(group, "/"))
                *group = 0;
            q = group_quota(v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu", group, v2);
            if (q && (!least || q < least))
                least = q;
            slash = strrchr(group, '/');
            if (!slash)
                break;
            *slash = 0;
        }
    }
    fclose(f);
    return least;
}

static int affinity_cpus(void)
{
    int size, count = 0;
    for (size = 1024; !count && size <= 1 << 18; size *= 4) {    /* the kernel's mask may be wide */
        cpu_set_t *set = CPU_ALLOC((size_t)size);
        if (!set)
            break;
        if (!sched_getaffinity(0, CPU_ALLOC_SIZE((size_t)size), set))
            count = CPU_COUNT_S(CPU_ALLOC_SIZE((size_t)size), set);
        CPU_FREE(set);
    }
    return count;
}
#endif

static int usable_cpus(void)
{
    int64_t n = 0;
#if defined(_WIN32)
    {
        DWORD_PTR process = 0, system = 0;
        if (GetProcessAffinityMask(GetCurrentProcess(), &process, &system))
            for (; process; process &= process - 1)
                n++;
    }
#elif defined(__linux__)
    {
        int quota = cgroup_cpus();
        n = affinity_cpus();
        if (quota && quota < n)
            n = quota;
    }
#else
    n = sysconf(_SC_NPROCESSORS_ONLN);
#endif
#ifdef CG_STRESS
    n = CG_STRESS;
#endif
    n = n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : n;
    cg_store(&num_cpus, n);
    return (int)n;
}

void cg_set_num_threads(int n)
{
    int cpus = usable_cpus();
    if (n < 1) {
        const char *env = getenv("CGRAD_NUM_THREADS");
        char *end = NULL;
        long v = env ? strtol(env, &end, 10) : 0;
        n = v >= 1 && !*end ? (v > MAX_THREADS ? MAX_THREADS : (int)v) : cpus;
    }
    cg_store(&num_threads, n > MAX_THREADS ? MAX_THREADS : n);
}

int cg_get_num_threads(void)
{
    int64_t n = cg_load(&num_threads);
    if (!n) {
        cg_set_num_threads(0);
        n = cg_load(&num_threads);
    }
    return (int)n;
}

int cg_useful_threads(void)
{
    int n = cg_get_num_threads();
    return cg_load(&num_cpus) == 1 ? 1 : n;
}
