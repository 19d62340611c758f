#include "cli/interrupt.h"

#include <csignal>

namespace qloom::cli {
namespace {

volatile std::sig_atomic_t g_interrupted = 0;  // NOLINT: a signal handler can reach nothing else

void on_signal(int signal) {
    g_interrupted = 1;
    std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    // A file that may not grow further is a failed write, which is reported as such.
    std::signal(SIGXFSZ, SIG_IGN);
}

bool interrupted() { return g_interrupted != 0; }

void check_interrupted() {
    if (interrupted()) {
        throw Interrupted{};
    }
}

}  // namespace qloom::cli
