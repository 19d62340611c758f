#include "cli/launch.h"

#include <gtest/gtest.h>

#include <map>

#include "base/diagnostic.h"

namespace qloom::cli {
namespace {

Environment of(std::map<std::string, std::string> variables) {
    return [variables](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

TEST(Launch, NobodyHasStartedUs) {
    EXPECT_FALSE(launch_of(of({})));
    EXPECT_FALSE(launch_of(of({{"WORLD_SIZE", "4"}})));   // of whom?
    EXPECT_FALSE(launch_of(of({{"SLURM_NTASKS", "4"}})));  // in salloc's shell: not a task
}

TEST(Launch, Torchrun) {
    const auto launch = launch_of(of({{"RANK", "5"},
                                      {"WORLD_SIZE", "8"},
                                      {"LOCAL_RANK", "1"},
                                      {"MASTER_ADDR", "head"},
                                      {"MASTER_PORT", "1234"},
                                      {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                      {"TORCHELASTIC_RESTART_COUNT", "2"}}));
    ASSERT_TRUE(launch);
    EXPECT_EQ(launch->rank, 5);
    EXPECT_EQ(launch->ranks, 8);
    EXPECT_EQ(launch->local_rank, 1);
    EXPECT_EQ(launch->address, "head");
    EXPECT_EQ(launch->port, 1234);
    EXPECT_TRUE(launch->store_is_served);
    EXPECT_EQ(launch->key_prefix, "qloom/2");
}

TEST(Launch, Mpi) {
    const auto open = launch_of(of({{"OMPI_COMM_WORLD_RANK", "1"},
                                    {"OMPI_COMM_WORLD_SIZE", "2"},
                                    {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}}));
    ASSERT_TRUE(open);
    EXPECT_EQ(open->rank, 1);
    EXPECT_EQ(open->ranks, 2);
    EXPECT_EQ(open->local_rank, 1);
    EXPECT_EQ(open->address, "127.0.0.1");
    EXPECT_EQ(open->port, 29500);
    EXPECT_FALSE(open->store_is_served);
    const auto mpich = launch_of(of({{"PMI_RANK", "0"}, {"PMI_SIZE", "3"}, {"MASTER_ADDR", "n1"}}));
    ASSERT_TRUE(mpich);
    EXPECT_EQ(mpich->ranks, 3);
    EXPECT_EQ(mpich->address, "n1");
}

TEST(Launch, Slurm) {
    const auto launch = launch_of(of({{"SLURM_PROCID", "3"},
                                      {"SLURM_NTASKS", "8"},
                                      {"SLURM_STEP_NUM_TASKS", "4"},
                                      {"SLURM_LOCALID", "1"},
                                      {"SLURM_JOB_ID", "123456"},
                                      {"SLURM_JOB_NODELIST", "gpu[07-09,12]"}}));
    ASSERT_TRUE(launch);
    EXPECT_EQ(launch->rank, 3);
    EXPECT_EQ(launch->ranks, 4);
    EXPECT_EQ(launch->local_rank, 1);
    EXPECT_EQ(launch->address, "gpu07");
    EXPECT_EQ(launch->port, 23456);
}

TEST(Launch, FirstNode) {
    EXPECT_EQ(first_node("a"), "a");
    EXPECT_EQ(first_node("a,b[1-2]"), "a");
    EXPECT_EQ(first_node("gpu[07-09,12],head"), "gpu07");
    EXPECT_EQ(first_node("gpu[7]"), "gpu7");
}

TEST(Launch, NonsenseIsSaid) {
    const auto text = [](std::map<std::string, std::string> variables) -> std::string {
        try {
            launch_of(of(std::move(variables)));
        } catch (const Error& error) {
            return error.what();
        }
        return "nothing";
    };
    EXPECT_EQ(text({{"RANK", "2"}, {"WORLD_SIZE", "2"}}),
              "Q0915: RANK: `2` is not a whole number from 0 to 1; start through torchrun, srun or mpirun, which set it; "
              "--alone ignores it");
    EXPECT_EQ(text({{"RANK", "0"}, {"WORLD_SIZE", "two"}}),
              "Q0915: WORLD_SIZE: `two` is not a whole number from 1 to 65536; start through torchrun, srun or mpirun, "
              "which set it; --alone ignores it");
}

}  // namespace
}  // namespace qloom::cli
