#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/codes/base.h"

namespace qloom {

// An output folder that appears whole or not at all. Files are written to a sibling with a
// temporary name; commit() renames it into place; without commit() the destructor removes it and an
// older folder stays as it was.
//
//   OutputFolder folder("out");
//   folder.write("rtl/top.sv", text);
//   folder.commit();
//
// An existing folder is replaced when it is empty or was made by this class (it then has the file
// `.qloom`); anything else is refused with code::kOutputFolderExists, so that a wrong -o never
// deletes a person's files.
class OutputFolder {
public:
    // `keep` names subfolders (caches) of an older folder that move over into the new one.
    // Throws code::kOutputFolderExists, code::kOutputUnwritable.
    explicit OutputFolder(const std::filesystem::path& folder, std::vector<std::string> keep = {});
    ~OutputFolder();
    OutputFolder(const OutputFolder&) = delete;
    OutputFolder& operator=(const OutputFolder&) = delete;

    // Where to write; whatever lies under it belongs to the folder.
    [[nodiscard]] const std::filesystem::path& staging() const { return staging_; }
    // Writes one file, its folders made as needed; `path` is relative to the folder. Throws
    // code::kOutputUnwritable.
    void write(const std::filesystem::path& path, std::string_view bytes);
    // Puts the folder into its place. Throws code::kOutputUnwritable.
    void commit();

private:
    std::filesystem::path folder_;
    std::filesystem::path staging_;
    std::vector<std::string> keep_;
};

// Whether `folder` was made by OutputFolder.
bool is_output_folder(const std::filesystem::path& folder);

}  // namespace qloom
