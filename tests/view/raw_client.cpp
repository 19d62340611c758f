#include "raw_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace qloom::testing {
namespace {

int connected(const std::string& address, int port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, address.c_str(), &to.sin_addr);
    // Not blocking: some machines neither answer nor refuse, and that is given up.
    const int flags = ::fcntl(socket, F_GETFL);
    ::fcntl(socket, F_SETFL, flags | O_NONBLOCK);
    int error = 0;
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        pollfd wait{.fd = socket, .events = POLLOUT, .revents = 0};
        socklen_t size = sizeof error;
        if (errno != EINPROGRESS || ::poll(&wait, 1, 2000) != 1 ||
            ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
            error = 1;
        }
    }
    ::fcntl(socket, F_SETFL, flags);
    if (error == 0) return socket;
    ::close(socket);
    return -1;
}

}  // namespace

std::string raw_exchange(int port, const std::string& bytes, int patience_ms) {
    const int socket = connected("127.0.0.1", port);
    if (socket < 0) return "";
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const ssize_t count =
            ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<std::size_t>(count);
    }
    std::string answer;
    char buffer[4096];
    pollfd wait{socket, POLLIN, 0};
    while (::poll(&wait, 1, patience_ms) > 0) {
        const ssize_t count = ::recv(socket, buffer, sizeof buffer, 0);
        if (count <= 0) break;
        answer.append(buffer, static_cast<std::size_t>(count));
    }
    ::close(socket);
    return answer;
}

bool accepts(const std::string& address, int port) {
    const int socket = connected(address, port);
    if (socket >= 0) ::close(socket);
    return socket >= 0;
}

std::string outside_address() {
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0) return "";
    std::string found;
    for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET ||
            (one->ifa_flags & IFF_LOOPBACK) != 0)
            continue;
        char text[INET_ADDRSTRLEN];
        const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
        if (::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text) != nullptr) found = text;
    }
    ::freeifaddrs(all);
    return found;
}

}  // namespace qloom::testing
