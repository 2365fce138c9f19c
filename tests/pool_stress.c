/* Several threads start jobs of random sizes on the pool at once: every item must be worked on
   once.  Arguments: threads of the pool, callers, jobs of each caller.  Linked with pool.c, which is
   compiled with CG_STRESS. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "pool.h"

static int rounds;

static void task(void *ctx, int64_t begin, int64_t end)
{
    int64_t *items = ctx;
    for (; begin < end; begin++)
        items[begin]++;
}

static void *caller(void *number)
{
    unsigned seed = 1 + *(unsigned *)number;
    int round;
    for (round = 0; round < rounds; round++) {
        int64_t i, n = 1 + rand_r(&seed) % 2000, *items = calloc((size_t)n, sizeof *items);
        if (!items)
            abort();
        cg_parallel_for(task, items, n, 1 + rand_r(&seed) % 300);
        for (i = 0; i < n; i++)
            if (items[i] != 1) {
                printf("item %ld of %ld: worked on %ld times\n", (long)i, (long)n, (long)items[i]);
                exit(1);
            }
        free(items);
        if (round % 200 == 0)
            usleep((unsigned)rand_r(&seed) % 2000);      /* the workers fall asleep, or nearly */
    }
    return NULL;
}

int main(int count, char **arguments)
{
    enum { MOST = 16 };
    pthread_t threads[MOST];
    unsigned numbers[MOST];
    int i, callers;
    if (count != 4)
        return 2;
    cg_set_num_threads(atoi(arguments[1]));
    callers = atoi(arguments[2]);
    rounds = atoi(arguments[3]);
    for (i = 0; i < callers && i < MOST; i++) {
        numbers[i] = (unsigned)i;
        if (pthread_create(&threads[i], NULL, caller, &numbers[i]))
            return 2;
    }
    for (i = 0; i < callers && i < MOST; i++)
        pthread_join(threads[i], NULL);
    puts("done");
    return 0;
}
