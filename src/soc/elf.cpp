#include "soc/elf.h"

#include <elf.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "base/diagnostic.h"

namespace qloom::soc {
namespace {

class Reader {
public:
    explicit Reader(const std::filesystem::path& file) : file_(file) {
        std::ifstream in(file, std::ios::binary);
        bytes_.assign(std::istreambuf_iterator<char>(in), {});
    }

    template <typename Record>
    Record at(std::uint64_t offset) const {
        check(offset, sizeof(Record));
        Record record;
        std::memcpy(&record, &bytes_[offset], sizeof record);
        return record;
    }
    std::string text(std::uint64_t offset) const {
        std::string result;
        for (; offset < bytes_.size() && bytes_[offset] != 0; ++offset) {
            result += static_cast<char>(bytes_[offset]);
        }
        return result;
    }
    void copy(std::uint64_t offset, std::uint64_t size, std::uint8_t* to) const {
        check(offset, size);
        if (size > 0) std::memcpy(to, &bytes_[offset], size);
    }
    [[noreturn]] void bad() const {
        throw Error(Code::kFirmwareUnreadable, file_.string(), "is not a program that can be loaded",
                    "build the firmware again; it must be an ELF file for the board's processor");
    }

private:
    void check(std::uint64_t offset, std::uint64_t size) const {
        if (offset > bytes_.size() || size > bytes_.size() - offset) bad();
    }
    std::filesystem::path file_;
    std::vector<std::uint8_t> bytes_;
};

template <typename Header, typename Program, typename Section, typename Symbol>
Elf read(const Reader& file) {
    Elf elf;
    const auto header = file.at<Header>(0);
    elf.entry = header.e_entry;
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        const auto program = file.at<Program>(header.e_phoff + i * sizeof(Program));
        if (program.p_type != PT_LOAD || program.p_memsz == 0) continue;
        if (program.p_filesz > program.p_memsz || program.p_memsz > (std::uint64_t{1} << 31U)) file.bad();
        Segment segment{.address = program.p_paddr,
                        .bytes = std::vector<std::uint8_t>(program.p_memsz),
                        .file_bytes = program.p_filesz,
                        .is_code = (program.p_flags & PF_X) != 0};
        file.copy(program.p_offset, program.p_filesz, segment.bytes.data());
        elf.segments.push_back(std::move(segment));
    }
    for (unsigned i = 0; i < header.e_shnum; ++i) {
        const auto section = file.at<Section>(header.e_shoff + i * sizeof(Section));
        if (section.sh_type != SHT_SYMTAB) continue;
        const auto names = file.at<Section>(header.e_shoff + section.sh_link * sizeof(Section));
        for (std::uint64_t at = 0; at + sizeof(Symbol) <= section.sh_size; at += sizeof(Symbol)) {
            const auto symbol = file.at<Symbol>(section.sh_offset + at);
            const std::string name = file.text(names.sh_offset + symbol.st_name);
            if (name.empty() || name[0] == '$' || symbol.st_shndx == SHN_UNDEF) continue;
            const unsigned type = symbol.st_info & 0xfU;
            if (type == STT_FUNC || type == STT_OBJECT || symbol.st_info >> 4U == STB_GLOBAL) {
                elf.symbols[name] = symbol.st_value;
            }
            // Hand-written code may come without a type: a name in a section of code is good enough.
            if (type == STT_FUNC || (type == STT_NOTYPE && symbol.st_shndx < SHN_LORESERVE)) {
                elf.functions[symbol.st_value & ~std::uint64_t{1}] = name;
            }
        }
    }
    return elf;
}

}  // namespace

std::string Elf::place(std::uint64_t address) const {
    auto next = functions.upper_bound(address);
    if (next == functions.begin()) return "?";
    --next;
    return address == next->first ? next->second : fmt::format("{}+0x{:x}", next->second, address - next->first);
}

Elf read_elf(const std::filesystem::path& file) {
    const Reader reader(file);
    const auto ident = reader.at<std::array<unsigned char, EI_NIDENT>>(0);
    if (std::memcmp(ident.data(), ELFMAG, SELFMAG) != 0 || ident[EI_DATA] != ELFDATA2LSB) reader.bad();
    Elf elf = ident[EI_CLASS] == ELFCLASS64 ? read<Elf64_Ehdr, Elf64_Phdr, Elf64_Shdr, Elf64_Sym>(reader)
                                            : read<Elf32_Ehdr, Elf32_Phdr, Elf32_Shdr, Elf32_Sym>(reader);
    elf.is_64 = ident[EI_CLASS] == ELFCLASS64;
    if (elf.segments.empty()) reader.bad();
    return elf;
}

}  // namespace qloom::soc
