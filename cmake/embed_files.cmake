# Run by qloom_embed at build time: writes FILES (separated by |) into the C++ file OUTPUT.
string(REPLACE "|" ";" files "${FILES}")
set(text "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\nnamespace {\n\n")
set(entries "")
set(index 0)
foreach(file IN LISTS files)
  file(READ ${file} bytes HEX)
  string(LENGTH "${bytes}" length)
  math(EXPR length "${length} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  get_filename_component(name ${file} NAME)
  string(APPEND text "const unsigned char kFile${index}[] = {${bytes}0};\n")
  string(APPEND entries "        {\"${name}\", {reinterpret_cast<const char*>(kFile${index}), ${length}}},\n")
  math(EXPR index "${index} + 1")
endforeach()
string(APPEND text "\n}  // namespace\n\nconst std::vector<EmbeddedFile>& ${FUNCTION}() {\n"
       "    static const std::vector<EmbeddedFile> files = {\n${entries}    };\n    return files;\n}\n\n"
       "}  // namespace ${NAMESPACE}\n")
file(WRITE ${OUTPUT} "${text}")
