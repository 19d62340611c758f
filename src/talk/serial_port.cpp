#include "talk/serial_port.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/diagnostic.h"

namespace qloom::talk {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<std::int64_t, speed_t>, 18> kRates{{{9600, B9600},
                                                                   {19200, B19200},
                                                                   {38400, B38400},
                                                                   {57600, B57600},
                                                                   {115200, B115200},
                                                                   {230400, B230400},
                                                                   {460800, B460800},
                                                                   {500000, B500000},
                                                                   {576000, B576000},
                                                                   {921600, B921600},
                                                                   {1000000, B1000000},
                                                                   {1152000, B1152000},
                                                                   {1500000, B1500000},
                                                                   {2000000, B2000000},
                                                                   {2500000, B2500000},
                                                                   {3000000, B3000000},
                                                                   {3500000, B3500000},
                                                                   {4000000, B4000000}}};

std::string ports_there() {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/dev", error)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("ttyUSB") || name.starts_with("ttyACM"))
            names.push_back(entry.path().string());
    }
    std::ranges::sort(names);
    return names.empty() ? "no /dev/ttyUSB* is there: plug the board in"
                         : fmt::format("ports there: {}", fmt::join(names, ", "));
}

}  // namespace

SerialPort::SerialPort(std::string path, std::int64_t baud) : path_(std::move(path)) {
    const auto rate = std::ranges::find(kRates, baud, &std::pair<std::int64_t, speed_t>::first);
    if (rate == kRates.end()) {
        std::vector<std::int64_t> known;
        for (const auto& [value, speed] : kRates) known.push_back(value);
        throw Error(code::kPortUnavailable, path_,
                    fmt::format("{} baud is no rate of this system", baud),
                    fmt::format("its rates: {}", fmt::join(known, ", ")));
    }
    file_ = ::open(path_.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (file_ < 0) {
        const int reason = errno;
        throw Error(code::kPortUnavailable, path_,
                    fmt::format("the port cannot be opened ({})", std::strerror(reason)),
                    reason == EACCES
                        ? "join its group (usually: sudo adduser $USER dialout, then log in again)"
                    : reason == EBUSY ? "close the program that holds it"
                                      : ports_there());
    }
    termios settings{};
    if (::tcgetattr(file_, &settings) != 0) {
        ::close(file_);
        throw Error(code::kPortUnavailable, path_, "it is no serial port", ports_there());
    }
    ::cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    settings.c_cflag &= ~static_cast<tcflag_t>(CSTOPB | CRTSCTS);
    settings.c_cc[VMIN] = 0;
    settings.c_cc[VTIME] = 0;
    ::cfsetispeed(&settings, rate->second);
    ::cfsetospeed(&settings, rate->second);
    if (::tcsetattr(file_, TCSANOW, &settings) != 0) {
        const int reason = errno;
        ::close(file_);
        throw Error(code::kPortUnavailable, path_,
                    fmt::format("the port does not take {} baud ({})", baud, std::strerror(reason)),
                    "take another port, or another `baud` in the board file and compile again");
    }
    ::tcflush(file_, TCIOFLUSH);
}

SerialPort::~SerialPort() {
    if (file_ >= 0) ::close(file_);
}

void SerialPort::throw_lost() const {
    throw Error(code::kPortUnavailable, path_, "the port is gone",
                "plug the board in again and repeat the command");
}

std::size_t SerialPort::write_some(std::span<const std::uint8_t> bytes,
                                   std::chrono::milliseconds wait) {
    if (bytes.empty()) return 0;
    pollfd ready{.fd = file_, .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, static_cast<int>(wait.count())) <= 0) return 0;
    if ((ready.revents & (POLLERR | POLLNVAL)) != 0) throw_lost();
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written >= 0) return static_cast<std::size_t>(written);
    if (errno == EAGAIN || errno == EINTR) return 0;
    throw_lost();
}

std::vector<std::uint8_t> SerialPort::read_some(std::chrono::milliseconds wait) {
    pollfd ready{.fd = file_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, static_cast<int>(wait.count())) <= 0) return {};
    std::vector<std::uint8_t> bytes(4096);
    const ssize_t count = ::read(file_, bytes.data(), bytes.size());
    if (count < 0) {
        if (errno == EAGAIN || errno == EINTR) return {};
        throw_lost();
    }
    if (count == 0 && (ready.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) throw_lost();
    bytes.resize(static_cast<std::size_t>(count));
    return bytes;
}

void SerialPort::drop_input() { ::tcflush(file_, TCIFLUSH); }

}  // namespace qloom::talk
