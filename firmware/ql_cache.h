/* Caches and DMA: memory that the DMA reads is cleaned before; memory that it writes is cleaned and invalidated before, so that no
 * old line is written over the data later, and invalidated after, as the processor may have fetched lines meanwhile.
 * Buffers that are invalidated are aligned to QL_CACHE_LINE and as long as whole lines. */
#ifndef QL_CACHE_H
#define QL_CACHE_H

#include <stddef.h>

#define QL_CACHE_LINE 64 /* no less than the longest line of the processors */

void ql_cache_clean(const void *begin, size_t size);
void ql_cache_clean_invalidate(const void *begin, size_t size);
void ql_cache_invalidate(const void *begin, size_t size);

#endif
