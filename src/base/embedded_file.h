#pragma once

#include <string_view>

namespace qloom {

// A file of the repository compiled into the program (cmake/QloomEmbed.cmake).
struct EmbeddedFile {
    std::string_view name;  // without its folder
    std::string_view text;
};

}  // namespace qloom
