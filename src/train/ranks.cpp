#include "train/ranks.h"

#include <fmt/ranges.h>
#include <glog/logging.h>
#include <torch/torch.h>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "base/codes/train.h"

namespace qloom::train {
namespace {

using std::chrono::milliseconds;
using torch::Tensor;

// How long those that are left are asked why somebody is gone, and waited for.
constexpr milliseconds kInquest{3000};

milliseconds in_milliseconds(double seconds) {
    return milliseconds(static_cast<std::int64_t>(seconds * 1000.0));
}

std::string key(const char* what, int rank) { return fmt::format("{}/{}", what, rank); }

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

// "rank 1", "ranks 1, 3"
std::string names_of(const std::vector<int>& ranks) {
    return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
}

// LibTorch logs what it throws as well; our diagnostic says it.
void silence_log() { FLAGS_minloglevel = google::GLOG_FATAL; }

}  // namespace

struct Ranks::Group {
    c10::intrusive_ptr<c10d::Store> store;
    c10::intrusive_ptr<c10d::ProcessGroup> gloo;
    c10::intrusive_ptr<c10d::ProcessGroup> nccl;

    [[nodiscard]] bool has(const std::string& name) const { return store->check({name}); }
    void set(const std::string& name, const std::string& value = "1") const {
        store->set(name, bytes_of(value));
    }
    [[nodiscard]] std::string get(const std::string& name) const {
        const std::vector<std::uint8_t> bytes = store->get(name);
        return {bytes.begin(), bytes.end()};
    }
    // Those of `asked` whose key does not come in time.
    [[nodiscard]] std::vector<int> without(const char* what, std::vector<int> asked,
                                           milliseconds timeout) const {
        const auto until = std::chrono::steady_clock::now() + timeout;
        while (true) {
            std::erase_if(asked, [&](int rank) { return has(key(what, rank)); });
            if (asked.empty() || std::chrono::steady_clock::now() >= until) {
                return asked;
            }
            std::this_thread::sleep_for(milliseconds(20));
        }
    }
    [[nodiscard]] c10d::ProcessGroup& of(const Tensor& values) const {
        return values.is_cpu() || !nccl ? *gloo : *nccl;
    }
};

Ranks::Ranks(const Launch& launch) : launch_(launch), group_(std::make_unique<Group>()) {
    QLOOM_ASSERT(launch.ranks > 1 && launch.rank >= 0 && launch.rank < launch.ranks,
                 "a rank is one of several");
    silence_log();
    const milliseconds timeout = in_milliseconds(launch.timeout_seconds);
    const std::string where = fmt::format("{}:{}", launch.address, launch.port);
    const auto missing = [&](const std::string& what) {
        return Error(code::kRankMissing, where,
                     fmt::format("{} within {} seconds", what, launch.timeout_seconds),
                     "start every rank, let them reach this address and port, and see what those "
                     "that are missing say; --rank-timeout waits longer, --alone trains in one "
                     "process");
    };
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(launch.port);
    options.isServer = launch.rank == 0 && !launch.store_is_served;
    options.numWorkers = launch.ranks;
    options.waitWorkers = false;  // we can say who is missing, it cannot
    options.timeout = timeout;
    try {
        group_->store = c10::make_intrusive<c10d::PrefixStore>(
            launch.key_prefix, c10::make_intrusive<c10d::TCPStore>(launch.address, options));
    } catch (const std::exception&) {
        throw options.isServer
            ? Error(code::kRankMissing, where, "rank 0 cannot listen on this port",
                    "end whatever uses it, or set MASTER_PORT to another one for all ranks")
            : missing("rank 0 did not answer");
    }
    try {
        group_->store->setTimeout(timeout);
        if (launch.rank == 0) {
            const std::vector<int> absent = group_->without("here", others(), timeout);
            group_->set("complete", absent.empty() ? "yes" : "no");
            if (!absent.empty()) {
                std::vector<int> present = others();
                std::erase_if(present, [&](int rank) {
                    return std::ranges::find(absent, rank) != absent.end();
                });
                static_cast<void>(group_->without("alive", present, kInquest));
                throw missing(fmt::format("{} of {} did not come", names_of(absent), launch.ranks));
            }
        } else {
            group_->set(key("here", launch.rank));
            group_->store->wait({"complete"}, timeout + kInquest);
            if (group_->get("complete") == "no") {
                group_->set(key("alive", launch.rank));
                throw SaidElsewhere{code::kRankMissing};
            }
        }
        auto gloo = c10d::ProcessGroupGloo::Options::create();
        gloo->timeout = timeout;
        gloo->devices.push_back(launch.address == "127.0.0.1"
                                    ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                    : c10d::ProcessGroupGloo::createDefaultDevice());
        group_->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(group_->store, launch.rank,
                                                                   launch.ranks, gloo);
#ifdef USE_C10D_NCCL
        if (torch::cuda::is_available()) {
            auto nccl = c10d::ProcessGroupNCCL::Options::create();
            nccl->timeout = timeout;
            group_->nccl = c10::make_intrusive<c10d::ProcessGroupNCCL>(group_->store, launch.rank,
                                                                       launch.ranks, nccl);
        }
#endif
    } catch (const Error&) {
        throw;
    } catch (const std::exception&) {
        throw missing("not all ranks came");
    }
}

Ranks::~Ranks() = default;

std::vector<int> Ranks::others() const {
    std::vector<int> result;
    for (int rank = 1; rank < size(); ++rank) {
        result.push_back(rank);
    }
    return result;
}

// Whatever a process group throws means that a rank does not take part any more.
template <class Work>
void Ranks::guarded(Work work) const {
    try {
        work();
    } catch (const std::exception&) {
        throw lost();
    }
}

Error Ranks::lost() const {
    const char* advice =
        "see what that rank said last; the same command goes on from the last whole epoch";
    try {
        // Those that are left say so; one that failed has left its reason.
        if (launch_.rank > 0) {
            group_->set(key("alive", launch_.rank));
        }
        const std::vector<int> gone = group_->without("alive", others(), kInquest);
        for (int rank = 0; rank < launch_.ranks; ++rank) {
            if (group_->has(key("failed", rank))) {
                return {code::kRankLost, fmt::format("rank {} of {}", rank, launch_.ranks),
                        fmt::format("it stopped: {}", group_->get(key("failed", rank))),
                        "then the same command goes on from the last whole epoch"};
            }
        }
        return {code::kRankLost,
                fmt::format("{} of {}", gone.empty() ? "a rank" : names_of(gone), launch_.ranks),
                gone.empty()
                    ? fmt::format("it did not answer within {} seconds", launch_.timeout_seconds)
                    : "it is gone, and said nothing",
                advice};
    } catch (const std::exception&) {
        return {code::kRankLost, fmt::format("rank 0 of {}", launch_.ranks), "it is gone", advice};
    }
}

void Ranks::sum(Tensor& values) const {
    guarded([&] {
        std::vector<Tensor> list{values};
        if (values.is_cpu() || group_->nccl) {
            group_->of(values).allreduce(list)->wait();
        } else {
            list[0] = values.cpu();
            group_->gloo->allreduce(list)->wait();
            values.copy_(list[0]);
        }
    });
}

void Ranks::sum(std::span<double> values) const {
    Tensor tensor =
        torch::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, torch::kDouble);
    sum(tensor);
}

Tensor Ranks::stack(const Tensor& values) const {
    const Tensor mine = values.detach().cpu().contiguous();
    std::vector<std::vector<Tensor>> all(1);
    for (int rank = 0; rank < size(); ++rank) {
        all[0].push_back(torch::empty_like(mine));
    }
    guarded([&] {
        std::vector<Tensor> list{mine};
        group_->gloo->allgather(all, list)->wait();
    });
    return torch::stack(all[0]);
}

Tensor Ranks::gather(const Tensor& rows) const {
    const Tensor counts = stack(torch::full({1}, rows.size(0), torch::kLong)).flatten();
    const std::int64_t most = counts.max().item<std::int64_t>();
    const Tensor mine = rows.detach().cpu();
    std::vector<std::int64_t> sizes = mine.sizes().vec();
    sizes[0] = most;
    Tensor padded = torch::zeros(sizes);
    padded.narrow(0, 0, mine.size(0)).copy_(mine);
    const Tensor all = stack(padded);
    std::vector<Tensor> parts;
    for (int rank = 0; rank < size(); ++rank) {
        parts.push_back(all[rank].narrow(0, 0, counts[rank].item<std::int64_t>()));
    }
    return torch::cat(parts);
}

std::string Ranks::from_leader(const std::string& bytes) const {
    Tensor length = torch::full({1}, static_cast<std::int64_t>(bytes.size()), torch::kLong);
    std::string result = bytes;
    guarded([&] {
        std::vector<Tensor> list{length};
        group_->gloo->broadcast(list)->wait();
        result.resize(static_cast<std::size_t>(length.item<std::int64_t>()));
        if (!result.empty()) {
            list[0] = torch::from_blob(result.data(), {static_cast<std::int64_t>(result.size())},
                                       torch::kByte);
            group_->gloo->broadcast(list)->wait();
        }
    });
    return result;
}

void Ranks::finish() {
    guarded([&] { group_->gloo->barrier()->wait(); });
    // Rank 0 serves the store: it stays until nobody asks any more.
    try {
        if (leads()) {
            static_cast<void>(group_->without("done", others(), kInquest));
        } else {
            group_->set(key("done", rank()));
        }
    } catch (const std::exception&) {
        return;  // all is done
    }
}

bool Ranks::fail(const std::string& why) noexcept {
    try {
        group_->store->setTimeout(kInquest);
        if (!why.empty()) {
            group_->set(key("failed", rank()), why);
        }
        // Closing its connections wakes those that wait for this one.
        group_->nccl.reset();
        group_->gloo.reset();
        if (leads()) {
            static_cast<void>(group_->without("alive", others(), kInquest));
            return false;
        }
        group_->set(key("alive", rank()));
        return true;
    } catch (const std::exception&) {
        return false;  // rank 0 is gone: nobody else would say it
    }
}

}  // namespace qloom::train
