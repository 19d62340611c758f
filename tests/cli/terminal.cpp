#include "terminal.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

namespace qloom::cli {

Terminal::Terminal(const std::vector<std::string>& argv, const std::filesystem::path& folder) {
    std::vector<char*> arguments;
    for (const std::string& argument : argv) {
        arguments.push_back(const_cast<char*>(argument.c_str()));  // NOLINT: exec's signature
    }
    arguments.push_back(nullptr);
    const winsize size{.ws_row = 50, .ws_col = 200, .ws_xpixel = 0, .ws_ypixel = 0};
    child_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (child_ == 0) {
        ::setenv("TERM", "dumb", 1);
        ::setenv("HOME", folder.c_str(), 1);
        if (::chdir(folder.c_str()) == 0) {
            ::execvp(arguments[0], arguments.data());
        }
        ::_exit(127);
    }
}

Terminal::~Terminal() {
    ::close(terminal_);
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
}

void Terminal::type(const std::string& keys) const {
    (void)!::write(terminal_, keys.data(), keys.size());
}

std::string Terminal::until(const std::string& text) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::string seen;
    while (seen.find(text) == std::string::npos && std::chrono::steady_clock::now() < end) {
        pollfd waiting{.fd = terminal_, .events = POLLIN, .revents = 0};
        if (::poll(&waiting, 1, 200) <= 0) {
            continue;
        }
        char bytes[4096];
        const ssize_t count = ::read(terminal_, bytes, sizeof bytes);
        if (count <= 0) {
            break;
        }
        seen.append(bytes, static_cast<std::size_t>(count));
    }
    return seen;
}

}  // namespace qloom::cli
