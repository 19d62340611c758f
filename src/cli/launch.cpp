#include "cli/launch.h"

#include <charconv>
#include <cstdlib>
#include <vector>

#include "base/codes/cli.h"
#include "base/diagnostic.h"

namespace qloom::cli {
namespace {

constexpr int kMostRanks = 1 << 16;
constexpr int kLastPort = 65535;
constexpr int kFirstSlurmPort = 20000;
constexpr int kSlurmPorts = 10000;

struct Names {
    const char* rank;
    std::vector<const char*> ranks;  // the first that is set
    const char* local_rank;
};
const std::vector<Names> kLaunchers{
    {"RANK", {"WORLD_SIZE"}, "LOCAL_RANK"},
    {"OMPI_COMM_WORLD_RANK", {"OMPI_COMM_WORLD_SIZE"}, "OMPI_COMM_WORLD_LOCAL_RANK"},
    {"PMI_RANK", {"PMI_SIZE"}, "MPI_LOCALRANKID"},
    {"SLURM_PROCID", {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}, "SLURM_LOCALID"},
};

int number_of(const std::string& name, const std::string& text, int lowest, int highest) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < lowest || value > highest) {
        throw Error(code::kLaunchInvalid, name, fmt::format("`{}` is not a whole number from {} to {}", text, lowest, highest),
                    "start through torchrun, srun or mpirun, which set it; --alone ignores it");
    }
    return value;
}

}  // namespace

std::optional<std::string> process_environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

std::string first_node(const std::string& node_list) {
    const std::size_t end = node_list.find_first_of("[,");
    if (end == std::string::npos || node_list[end] == ',') {
        return node_list.substr(0, end);
    }
    const std::size_t last = node_list.find_first_of(",-]", end);
    return node_list.substr(0, end) + node_list.substr(end + 1, last - end - 1);
}

std::optional<train::Launch> launch_of(const Environment& environment) {
    for (const Names& names : kLaunchers) {
        std::string size_name;
        std::optional<std::string> size;
        for (const char* name : names.ranks) {
            if (!size) {
                size_name = name;
                size = environment(name);
            }
        }
        const std::optional<std::string> rank = environment(names.rank);
        if (!rank || !size) {
            continue;
        }
        train::Launch launch;
        launch.ranks = number_of(size_name, *size, 1, kMostRanks);
        launch.rank = number_of(names.rank, *rank, 0, launch.ranks - 1);
        if (const auto local = environment(names.local_rank)) {
            launch.local_rank = number_of(names.local_rank, *local, 0, kMostRanks);
        }
        if (const auto address = environment("MASTER_ADDR")) {
            launch.address = *address;
        } else if (const auto nodes = environment("SLURM_STEP_NODELIST")) {
            launch.address = first_node(*nodes);
        } else if (const auto job_nodes = environment("SLURM_JOB_NODELIST")) {
            launch.address = first_node(*job_nodes);
        }
        if (const auto port = environment("MASTER_PORT")) {
            launch.port = number_of("MASTER_PORT", *port, 1, kLastPort);
        } else if (const auto job = environment("SLURM_JOB_ID")) {
            // Two jobs on one machine shall not meet.
            launch.port = kFirstSlurmPort + number_of("SLURM_JOB_ID", *job, 0, INT32_MAX) % kSlurmPorts;
        }
        if (environment("TORCHELASTIC_USE_AGENT_STORE") == "True") {
            launch.store_is_served = true;
            launch.key_prefix = "qloom/" + environment("TORCHELASTIC_RESTART_COUNT").value_or("0");
        }
        return launch;
    }
    return std::nullopt;
}

}  // namespace qloom::cli
