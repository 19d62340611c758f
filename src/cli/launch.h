#pragma once

#include <functional>
#include <optional>
#include <string>

#include "train/launch.h"

namespace qloom::cli {

// A variable of the environment, or nothing.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
std::optional<std::string> process_environment(const std::string& name);

// The place that a launcher gave this process; nothing where it runs alone. In this order:
//   torchrun      RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT
//   Open MPI      OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_LOCAL_RANK
//   MPICH, Intel  PMI_RANK, PMI_SIZE, MPI_LOCALRANKID
//   Slurm's srun  SLURM_PROCID, SLURM_NTASKS (of the step), SLURM_LOCALID, and the first node of the job
// MASTER_ADDR and MASTER_PORT are taken from all of them. Without MASTER_ADDR rank 0 is sought on this machine, under
// Slurm on the job's first node. Throws kLaunchInvalid.
std::optional<train::Launch> launch_of(const Environment& environment);

// "gpu07" of "gpu[07-09,12],head".
std::string first_node(const std::string& node_list);

}  // namespace qloom::cli
