#include "cli/trainer.h"

#include <dlfcn.h>

#include <filesystem>

#include "base/codes/cli.h"
#include "base/diagnostic.h"

namespace qloom::cli {

const Trainer& trainer() {
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    std::string problem = "the program does not know where it is";
    for (const char* folder : {"", "../lib/qloom"}) {
        if (error) {
            break;
        }
        const std::filesystem::path file = program.parent_path() / folder / "libqloom_trainer.so";
        void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (handle == nullptr) {
            if (std::filesystem::exists(file) || *folder == '\0') {
                problem = dlerror();
            }
            continue;
        }
        using Entry = const Trainer& (*)();
        // dlsym's void* is the address of a function: POSIX says so.
        const auto entry = reinterpret_cast<Entry>(dlsym(handle, "qloom_trainer"));
        if (entry != nullptr) {
            return entry();
        }
        problem = dlerror();
    }
    throw Error(code::kTrainerMissing, "libqloom_trainer.so", fmt::format("the training room cannot be loaded ({})", problem),
                "build Qloom with QLOOM_TRAIN=ON and keep the file beside the program");
}

}  // namespace qloom::cli
