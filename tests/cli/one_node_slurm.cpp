#include "one_node_slurm.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <random>
#include <thread>

#include "base/process.h"

namespace qloom::cli {
namespace {

namespace fs = std::filesystem;

int free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);         // NOLINT
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);  // NOLINT
    ::close(socket);
    return ntohs(address.sin_port);
}

std::string host_name() {
    std::string name(256, '\0');
    ::gethostname(name.data(), name.size());
    name = name.c_str();
    return name.substr(0, name.find('.'));
}

}  // namespace

OneNodeSlurm::OneNodeSlurm(fs::path folder) : folder_(std::move(folder)) {
    for (const char* program : {"/usr/sbin/munged", "/usr/sbin/slurmctld", "/usr/sbin/slurmd"}) {
        if (!fs::exists(program)) {
            problem_ = fmt::format("{} is not installed (Debian packages slurm-wlm and munge)", program);
            return;
        }
    }
    start();
}

void OneNodeSlurm::start() {
    for (const char* name : {"munge", "state", "spool"}) fs::create_directories(folder_ / name);
    fs::permissions(folder_ / "munge", fs::perms::owner_all);
    {
        std::ofstream key(folder_ / "munge" / "key", std::ios::binary);
        std::random_device random;
        for (int i = 0; i < 64; ++i) key << fmt::format("{:08x}", random());
    }
    fs::permissions(folder_ / "munge" / "key", fs::perms::owner_read | fs::perms::owner_write);
    const std::string host = host_name();
    const passwd* user = ::getpwuid(::getuid());
    const std::string name = user != nullptr ? user->pw_name : "root";
    const std::string here = folder_.string();
    std::ofstream(configuration()) << fmt::format(
        "ClusterName=qloom\nSlurmctldHost={0}(127.0.0.1)\nSlurmctldPort={1}\nSlurmdPort={2}\n"
        "AuthType=auth/munge\nAuthInfo=socket={3}/munge/socket\nCredType=cred/munge\n"
        "SlurmUser={4}\nSlurmdUser={4}\nStateSaveLocation={3}/state\nSlurmdSpoolDir={3}/spool\n"
        "SlurmctldPidFile={3}/slurmctld.pid\nSlurmdPidFile={3}/slurmd.pid\n"
        "SlurmctldLogFile={3}/slurmctld.log\nSlurmdLogFile={3}/slurmd.log\n"
        "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSchedulerType=sched/backfill\n"
        "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nMailProg=/bin/true\n"
        "ReturnToService=2\nSchedulerParameters=sched_interval=1\n"
        "NodeName={0} NodeAddr=127.0.0.1 CPUs={5} State=UNKNOWN\n"
        "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n",
        host, free_port(), free_port(), here, name,
        std::max(1U, std::thread::hardware_concurrency()));
    const std::vector<std::pair<std::string, std::string>> environment{{"SLURM_CONF", configuration()}};
    const auto run = [&](const std::vector<std::string>& command) {
        if (!problem_.empty()) return;
        // A daemon keeps what it inherits open: its output goes nowhere.
        std::vector<std::string> quiet{"sh", "-c", "exec \"$@\" >/dev/null 2>&1 </dev/null", "sh"};
        quiet.insert(quiet.end(), command.begin(), command.end());
        const ToolResult result = run_tool(quiet, {.timeout = std::chrono::seconds(60),
                                                   .environment = environment});
        if (result.exit_code != 0)
            problem_ = fmt::format("{} ended with {}", command.front(), result.exit_code);
    };
    run({"/usr/sbin/munged", "--force", "--key-file=" + here + "/munge/key",
         "--socket=" + here + "/munge/socket", "--pid-file=" + here + "/munge.pid",
         "--log-file=" + here + "/munge/log", "--seed-file=" + here + "/munge/seed"});
    run({"/usr/sbin/slurmctld", "-f", configuration()});
    run({"/usr/sbin/slurmd", "-f", configuration()});
    for (int i = 0; problem_.empty() && i < 120; ++i) {
        const ToolResult result = run_tool({"sinfo", "-h", "-o", "%t"}, {.environment = environment});
        if (result.output == "idle\n") return;
        std::this_thread::sleep_for(std::chrono::milliseconds(250));
    }
    if (problem_.empty()) problem_ = "the node did not become idle within 30 s";
}

void OneNodeSlurm::stop(const char* pid_file) {
    pid_t pid = 0;
    std::ifstream(folder_ / pid_file) >> pid;
    if (pid <= 1) return;
    ::kill(pid, SIGTERM);
    for (int i = 0; i < 40 && ::kill(pid, 0) == 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

OneNodeSlurm::~OneNodeSlurm() {
    for (const char* pid_file : {"slurmd.pid", "slurmctld.pid", "munge.pid"}) stop(pid_file);
}

}  // namespace qloom::cli
