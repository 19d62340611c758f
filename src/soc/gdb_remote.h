#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/codes/soc.h"

namespace qloom::soc {

// A socket that waits for one program to connect, and the connection.
class LocalSocket {
public:
    explicit LocalSocket(const std::filesystem::path& path);
    ~LocalSocket();
    LocalSocket(const LocalSocket&) = delete;
    LocalSocket& operator=(const LocalSocket&) = delete;

    // False when nobody came in that time.
    bool accept(int timeout_ms);
    [[nodiscard]] int descriptor() const { return connection_; }

private:
    std::filesystem::path path_;
    int listener_ = -1;
    int connection_ = -1;
};

// The client's side of GDB's remote protocol over a connection: as much as it takes to watch a
// program and serve its accesses. Throws code::kProcessorException when the other side does not
// answer or does not understand.
class GdbRemote {
public:
    explicit GdbRemote(int descriptor) : descriptor_(descriptor) {}

    // Must come first: the stub tells what registers it has and then gives them.
    void begin();

    void break_at(std::uint64_t address);
    void watch(std::uint64_t address, std::uint64_t bytes);
    [[nodiscard]] std::uint64_t read_register(unsigned number, unsigned bytes);
    void write_register(unsigned number, unsigned bytes, std::uint64_t value);
    [[nodiscard]] std::uint32_t read_word(std::uint64_t address);

    // Lets the program run. take_stop() has then to be called when there is something to read.
    void go_on();
    // Whether something has been read already, so that waiting for more would be in vain.
    [[nodiscard]] bool has_read() const { return at_ < buffer_.size(); }
    struct Stop {
        std::optional<std::uint64_t> watched;  // the address that was about to be accessed
    };
    [[nodiscard]] Stop take_stop();
    void interrupt();  // answered by a stop

private:
    std::string ask(const std::string& packet);
    void send(const std::string& packet);
    std::string receive();
    char next_character();

    int descriptor_;
    std::string buffer_;
    std::size_t at_ = 0;
};

}  // namespace qloom::soc
