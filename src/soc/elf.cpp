#include "soc/elf.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "base/diagnostic.h"

namespace qloom::soc {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAdvice = "build the firmware again";

class Reader {
public:
    explicit Reader(const fs::path& file) : file_(file.string()) {
        std::ifstream stream(file, std::ios::binary);
        if (!stream) bad("cannot be opened");
        bytes_.assign(std::istreambuf_iterator<char>(stream), {});
    }

    Elf read() {
        const auto ident = record<unsigned char[EI_NIDENT]>(0);
        if (std::memcmp(ident.value, ELFMAG, SELFMAG) != 0 || ident.value[EI_DATA] != ELFDATA2LSB) {
            bad("is not a little-endian ELF file");
        }
        if (ident.value[EI_CLASS] == ELFCLASS32) {
            parse<Elf32_Ehdr, Elf32_Phdr, Elf32_Shdr, Elf32_Sym>();
        } else {
            parse<Elf64_Ehdr, Elf64_Phdr, Elf64_Shdr, Elf64_Sym>();
        }
        return std::move(elf_);
    }

private:
    [[noreturn]] void bad(const std::string& what) const {
        throw Error(code::kFirmwareFileBad, file_, what, kAdvice);
    }

    template <class T>
    struct Record {
        T value;
    };
    template <class T>
    Record<T> record(std::uint64_t offset) const {
        if (offset > bytes_.size() || sizeof(T) > bytes_.size() - offset) bad("is cut off");
        Record<T> result;
        std::memcpy(&result.value, bytes_.data() + offset, sizeof(T));
        return result;
    }

    template <class Header, class Program, class Section, class Symbol>
    void parse() {
        const Header header = record<Header>(0).value;
        if (header.e_type != ET_EXEC) bad("is not a linked program");
        if (header.e_machine != EM_ARM && header.e_machine != EM_AARCH64) {
            bad(fmt::format("is a program for another processor (ELF machine {})",
                            header.e_machine));
        }
        elf_.machine = header.e_machine == EM_ARM ? Machine::kArm : Machine::kAarch64;
        elf_.entry = header.e_entry;
        for (unsigned i = 0; i < header.e_phnum; ++i) {
            const Program program =
                record<Program>(header.e_phoff + std::uint64_t{i} * sizeof(Program)).value;
            if (program.p_type != PT_LOAD || program.p_memsz == 0) continue;
            if (program.p_offset > bytes_.size() ||
                program.p_filesz > bytes_.size() - program.p_offset)
                bad("is cut off");
            const auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(program.p_offset);
            elf_.segments.push_back(
                {.address = program.p_paddr,
                 .bytes = {begin, begin + static_cast<std::ptrdiff_t>(program.p_filesz)},
                 .memory_bytes = program.p_memsz,
                 .is_code = (program.p_flags & PF_X) != 0});
        }
        if (elf_.segments.empty()) bad("holds nothing to load");
        for (unsigned i = 0; i < header.e_shnum; ++i) {
            const Section section = section_at<Section>(header, i);
            if (section.sh_type != SHT_SYMTAB) continue;
            const Section names = section_at<Section>(header, section.sh_link);
            for (std::uint64_t at = 0; at + sizeof(Symbol) <= section.sh_size;
                 at += sizeof(Symbol)) {
                const Symbol symbol = record<Symbol>(section.sh_offset + at).value;
                const unsigned type = symbol.st_info & 0xfU;
                if (symbol.st_shndx == SHN_UNDEF || type == STT_SECTION || type == STT_FILE)
                    continue;
                std::string name = text_at(names.sh_offset + symbol.st_name);
                if (name.empty() || name.front() == '$')
                    continue;  // $a, $d: what is code and what is data
                elf_.symbols.push_back({.name = std::move(name),
                                        .address = symbol.st_value,
                                        .bytes = symbol.st_size,
                                        .is_function = type == STT_FUNC || type == STT_NOTYPE});
            }
        }
        std::ranges::stable_sort(elf_.symbols, {}, &Elf::Symbol::address);
    }

    template <class Section, class Header>
    Section section_at(const Header& header, std::uint64_t index) const {
        return record<Section>(header.e_shoff + index * sizeof(Section)).value;
    }

    [[nodiscard]] std::string text_at(std::uint64_t offset) const {
        if (offset >= bytes_.size()) bad("is cut off");
        const auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(offset);
        return {begin, std::find(begin, bytes_.end(), 0)};
    }

    std::string file_;
    std::vector<std::uint8_t> bytes_;
    Elf elf_;
};

}  // namespace

std::optional<std::uint64_t> Elf::find(const std::string& symbol) const {
    const auto found = std::ranges::find(symbols, symbol, &Symbol::name);
    return found == symbols.end() ? std::nullopt : std::optional(found->address);
}

std::string Elf::place(std::uint64_t address) const {
    const bool is_inside = std::ranges::any_of(segments, [&](const Segment& segment) {
        return segment.is_code && address >= segment.address &&
               address < segment.address + segment.bytes.size();
    });
    // The last function that begins at or before; labels in assembler have no size.
    const Symbol* best = nullptr;
    for (const Symbol& symbol : symbols) {
        if (symbol.address > address) break;
        if (symbol.is_function && (symbol.bytes == 0 || address < symbol.address + symbol.bytes))
            best = &symbol;
    }
    if (!is_inside || best == nullptr) return fmt::format("0x{:08x}", address);
    return fmt::format("0x{:08x} in {}", address, best->name);
}

Elf read_elf(const fs::path& file) { return Reader(file).read(); }

}  // namespace qloom::soc
