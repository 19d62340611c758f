#pragma once

#include <cstdint>
#include <string>

namespace qloom::train {

// This process's place among those that train together, one network split over all of them by
// samples.
struct Launch {
    int rank = 0;  // 0 .. ranks - 1
    int ranks = 1;
    int local_rank = 0;                 // among those of this machine: which GPU it takes
    std::string address = "127.0.0.1";  // where rank 0 is reached
    int port = 29500;
    bool store_is_served = false;    // by the launcher (torchrun); else rank 0 serves it
    std::string key_prefix = {};     // of what this group keeps in the store
    double timeout_seconds = 300.0;  // that a rank waits for another before it calls it lost
};

// The samples [first, first + rows) of a batch of `whole`.
struct BatchShare {
    std::int64_t first = 0;
    std::int64_t rows = 0;
    std::int64_t whole = 0;
};

// What rank `rank` of `ranks` takes of `whole` samples: runs of neighbours, in the order of the
// ranks, whose lengths differ by at most one.
//   10 samples, 4 ranks:  2 3 2 3
inline BatchShare share_of(std::int64_t whole, int rank, int ranks) {
    const std::int64_t first = whole * rank / ranks;
    return {.first = first, .rows = whole * (rank + 1) / ranks - first, .whole = whole};
}

}  // namespace qloom::train
