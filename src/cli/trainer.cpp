#include "cli/trainer.h"

#include <dlfcn.h>

#include "base/codes/cli.h"
#include "base/diagnostic.h"
#include "cli/program_files.h"

namespace qloom::cli {

const Trainer& trainer() {
    const std::string name = "libqloom_trainer.so";
    void* handle = dlopen(file_beside_program(name).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) {
        using Entry = const Trainer& (*)();
        // dlsym's void* is the address of a function: POSIX says so.
        const auto entry = reinterpret_cast<Entry>(dlsym(handle, "qloom_trainer"));
        if (entry != nullptr) {
            return entry();
        }
    }
    throw Error(code::kTrainerMissing, name, fmt::format("the training room cannot be loaded ({})", dlerror()),
                "build Qloom with QLOOM_TRAIN=ON and keep the file beside the program");
}

}  // namespace qloom::cli
