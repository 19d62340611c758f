#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "train/launch.h"

namespace at {
class Tensor;
}

namespace qloom::train {

// Thrown in place of an error that another rank reports: one failure, one diagnostic.
struct SaidElsewhere {
    Code code;
};

// The processes that train together, joined by LibTorch's own process groups: Gloo, and NCCL for
// tensors on a GPU where LibTorch has it. Every rank calls the same functions in the same order;
// all of them get the same bits. What fails because another rank is gone throws kRankLost.
class Ranks {
public:
    // Waits until all are there. Throws kRankMissing when some do not come in time, SaidElsewhere
    // where rank 0 says it.
    explicit Ranks(const Launch& launch);
    ~Ranks();
    Ranks(const Ranks&) = delete;
    Ranks& operator=(const Ranks&) = delete;

    [[nodiscard]] int rank() const { return launch_.rank; }
    [[nodiscard]] int size() const { return launch_.ranks; }
    // Whether this one writes and prints.
    [[nodiscard]] bool leads() const { return launch_.rank == 0; }

    // The sum over all ranks, in place. The tensor has no gaps.
    void sum(at::Tensor& values) const;
    void sum(std::span<double> values) const;
    // (n, ...) of every rank, behind one another in the order of the ranks. The n may differ.
    [[nodiscard]] at::Tensor gather(const at::Tensor& rows) const;
    // (...) of every rank, all of one shape: (ranks, ...).
    [[nodiscard]] at::Tensor stack(const at::Tensor& values) const;
    // What rank 0 gives, whatever the others give.
    [[nodiscard]] std::string from_leader(const std::string& bytes) const;
    // Waits for all. Nobody is missed afterwards.
    void finish();

    // Tells the others why this rank stops (empty: because another is lost), and waits a moment
    // until they know. True when rank 0 reports it: then this one keeps silent.
    bool fail(const std::string& why) noexcept;

private:
    struct Group;
    template <class Work>
    void guarded(Work work) const;
    [[nodiscard]] Error lost() const;
    [[nodiscard]] std::vector<int> others() const;  // all but 0

    Launch launch_;
    std::unique_ptr<Group> group_;
};

}  // namespace qloom::train
