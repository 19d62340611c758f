// Registers through UIO, memory through u-dma-buf (github.com/ikwzm/udmabuf); both come from
// qloom.dtso.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "device.h"

namespace qloom {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRegisterBytes = 0x1000;
constexpr const char* kRegisterName = "qloom-dma";
constexpr const char* kBufferName = "udmabuf-qloom";

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

std::string first_line(const fs::path& file) {
    std::ifstream stream(file);
    std::string line;
    std::getline(stream, line);
    return line;
}

fs::path uio_device() {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator("/sys/class/uio", error)) {
        if (first_line(entry.path() / "name") == kRegisterName) {
            return fs::path("/dev") / entry.path().filename();
        }
    }
    throw std::runtime_error(std::string("no UIO device is called ") + kRegisterName +
                             ": is qloom.dtbo loaded, and uio_pdrv_genirq.of_id=generic-uio on the "
                             "kernel's command line?");
}

fs::path buffer_folder() {
    for (const char* parent : {"/sys/class/u-dma-buf", "/sys/class/udmabuf"}) {
        const fs::path folder = fs::path(parent) / kBufferName;
        std::error_code error;
        if (fs::exists(folder, error)) {
            return folder;
        }
    }
    throw std::runtime_error(std::string("there is no ") + kBufferName +
                             ": is the module u-dma-buf loaded?");
}

class Mapping {
public:
    Mapping(const fs::path& file, std::size_t bytes) : bytes_(bytes) {
        // O_SYNC: not cached, so that nothing has to be flushed.
        const int descriptor = ::open(file.c_str(), O_RDWR | O_SYNC | O_CLOEXEC);
        if (descriptor < 0) {
            fail(file.string());
        }
        data_ = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        ::close(descriptor);
        if (data_ == MAP_FAILED) {
            fail("mapping " + file.string());
        }
    }
    ~Mapping() { ::munmap(data_, bytes_); }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    void* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }

private:
    void* data_;
    std::size_t bytes_;
};

class UioDevice final : public Device {
public:
    UioDevice()
        : folder_(buffer_folder()),
          address_(std::stoull(first_line(folder_ / "phys_addr"), nullptr, 0)),
          registers_(uio_device(), kRegisterBytes),
          memory_(fs::path("/dev") / kBufferName, std::stoull(first_line(folder_ / "size"))) {}

    std::uint32_t read(std::uint32_t offset) override { return words()[offset / 4]; }
    void write(std::uint32_t offset, std::uint32_t value) override {
        // What was written to memory before is there before the DMA hears of it.
        __sync_synchronize();
        words()[offset / 4] = value;
    }
    std::span<std::uint8_t> memory() override {
        return {static_cast<std::uint8_t*>(memory_.data()), memory_.bytes()};
    }
    std::uint64_t address() const override { return address_; }

private:
    volatile std::uint32_t* words() {
        return static_cast<volatile std::uint32_t*>(registers_.data());
    }

    fs::path folder_;
    std::uint64_t address_;
    Mapping registers_;
    Mapping memory_;
};

}  // namespace

std::unique_ptr<Device> open_device() { return std::make_unique<UioDevice>(); }

}  // namespace qloom
