/* A planted mistake: reads beyond its memory. A sanitizer that is really on stops it. */
#include <evscale.h>
#include <stdlib.h>

int main(void) {
    evscale_metrics *record = malloc(sizeof *record);
    double *beyond = (double *)(record + 1);
    int32_t status = evscale_metrics_init(record, sizeof *record);
    double found = *beyond;
    free(record);
    return status != EVSCALE_OK || found > 0 ? 3 : 0;
}
