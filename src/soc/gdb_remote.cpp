#include "soc/gdb_remote.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <numeric>

#include <fmt/format.h>

#include "base/diagnostic.h"

namespace qloom::soc {
namespace {

namespace fs = std::filesystem;

constexpr int kAnswerMs = 20000;

[[noreturn]] void bad(const std::string& what) {
    throw Error(code::kProcessorException, "QEMU", what,
                "look at its own messages; another version may help");
}

// Registers and memory are sent as they lie in memory: low byte first.
std::string hex_of(std::uint64_t value, unsigned bytes) {
    std::string text;
    for (unsigned i = 0; i < bytes; ++i) text += fmt::format("{:02x}", value >> (8 * i) & 0xffU);
    return text;
}

std::uint64_t value_of(const std::string& hex, unsigned bytes) {
    if (hex.size() != 2 * std::size_t{bytes}) bad("the debugger interface answered: " + hex);
    std::uint64_t value = 0;
    for (unsigned i = bytes; i-- > 0;)
        value = value << 8U | std::stoul(hex.substr(2 * std::size_t{i}, 2), nullptr, 16);
    return value;
}

}  // namespace

LocalSocket::LocalSocket(const fs::path& path) : path_(path) {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string text = path.string();
    QLOOM_ASSERT(text.size() < sizeof address.sun_path, "the name of a socket is short");
    std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
    ::unlink(text.c_str());
    if (listener_ < 0 ||
        ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 1) != 0) {
        bad(fmt::format("the socket {} cannot be made ({})", text, std::strerror(errno)));
    }
}

LocalSocket::~LocalSocket() {
    if (connection_ >= 0) ::close(connection_);
    if (listener_ >= 0) ::close(listener_);
    std::error_code error;
    fs::remove(path_, error);
}

bool LocalSocket::accept(int timeout_ms) {
    pollfd waiting{.fd = listener_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, timeout_ms) <= 0) return false;
    connection_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    return connection_ >= 0;
}

char GdbRemote::next_character() {
    if (at_ == buffer_.size()) {
        pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
        if (::poll(&waiting, 1, kAnswerMs) <= 0) bad("the debugger interface does not answer");
        buffer_.resize(4096);
        const ssize_t count = ::recv(descriptor_, buffer_.data(), buffer_.size(), 0);
        if (count <= 0) bad("the debugger interface has gone");
        buffer_.resize(static_cast<std::size_t>(count));
        at_ = 0;
    }
    return buffer_[at_++];
}

void GdbRemote::send(const std::string& packet) {
    const unsigned sum = std::accumulate(packet.begin(), packet.end(), 0U, [](unsigned a, char c) {
        return a + static_cast<unsigned char>(c);
    });
    const std::string text = fmt::format("${}#{:02x}", packet, sum & 0xffU);
    if (::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(text.size())) {
        bad("the debugger interface has gone");
    }
}

std::string GdbRemote::receive() {
    while (next_character() != '$') {  // acknowledgements
    }
    std::string packet;
    for (char c = next_character(); c != '#'; c = next_character()) packet += c;
    next_character();
    next_character();
    if (::send(descriptor_, "+", 1, MSG_NOSIGNAL) != 1) bad("the debugger interface has gone");
    return packet;
}

std::string GdbRemote::ask(const std::string& packet) {
    send(packet);
    std::string answer = receive();
    if (answer.empty() || answer.front() == 'E') {
        bad(fmt::format("the debugger interface answered \"{}\" to \"{}\"", answer, packet));
    }
    return answer;
}

void GdbRemote::begin() {
    ask("qSupported:xmlRegisters=arm");
    ask("qXfer:features:read:target.xml:0,ffb");
    ask("?");
}

void GdbRemote::break_at(std::uint64_t address) { ask(fmt::format("Z1,{:x},4", address)); }
void GdbRemote::watch(std::uint64_t address, std::uint64_t bytes) {
    ask(fmt::format("Z4,{:x},{:x}", address, bytes));
}

std::uint64_t GdbRemote::read_register(unsigned number, unsigned bytes) {
    return value_of(ask(fmt::format("p{:x}", number)), bytes);
}
void GdbRemote::write_register(unsigned number, unsigned bytes, std::uint64_t value) {
    ask(fmt::format("P{:x}={}", number, hex_of(value, bytes)));
}
std::uint32_t GdbRemote::read_word(std::uint64_t address) {
    return static_cast<std::uint32_t>(value_of(ask(fmt::format("m{:x},4", address)), 4));
}

void GdbRemote::go_on() {
    send("c");
    // The acknowledgement comes at once; what can be read after it is a stop.
    if (next_character() != '+') bad("the debugger interface does not acknowledge");
}

GdbRemote::Stop GdbRemote::take_stop() {
    const std::string text = receive();
    if (text.empty() || (text.front() != 'T' && text.front() != 'S'))
        bad("the program has ended: " + text);
    Stop stop;
    for (const char* kind : {"awatch:", "rwatch:", "watch:"}) {
        const std::size_t found = text.find(kind);
        if (found == std::string::npos) continue;
        stop.watched = std::stoull(text.substr(found + std::strlen(kind)), nullptr, 16);
        break;
    }
    return stop;
}

void GdbRemote::interrupt() {
    if (::send(descriptor_, "\x03", 1, MSG_NOSIGNAL) != 1) bad("the debugger interface has gone");
}

}  // namespace qloom::soc
