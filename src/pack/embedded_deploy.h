#pragma once

#include <string_view>
#include <vector>

#include "base/embedded_file.h"

// deploy/*: what a package holds unchanged, whatever the network and the board.
namespace qloom::pack {

const std::vector<EmbeddedFile>& embedded_vivado();
const std::vector<EmbeddedFile>& embedded_pynq();
const std::vector<EmbeddedFile>& embedded_linux();
const std::vector<EmbeddedFile>& embedded_vitis();

// The text of one of them; it must exist.
std::string_view deploy_file(const std::vector<EmbeddedFile>& files, std::string_view name);

}  // namespace qloom::pack
