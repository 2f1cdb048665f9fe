// The checks. Each is a pure function of the tree: no clock, no file system, so that a test can show it a
// rule being broken.
#pragma once

#include "tree.h"

namespace flexai::repocheck {

// layers.cc: includes and CMake links go only from a layer of src/ to those before it; siblings of one layer
// know nothing of each other; no include cycle. Tests may include what they like, as nobody depends on them.
Findings CheckLayers(const Tree& tree);

// text.cc: names that say nothing, long lines, long files, long functions, words that must not appear.
Findings CheckNames(const Tree& tree);
Findings CheckLengths(const Tree& tree);
Findings CheckWords(const Tree& tree);

// documents.cc: links of Markdown files lead somewhere; the licence is there; generated documents are those
// that the build generated (`generated`: its files by name); released call ids are still there and mean the
// same.
Findings CheckLinks(const Tree& tree);
Findings CheckLicence(const Tree& tree);
Findings CheckGenerated(const Tree& tree, const Tree& generated);

}  // namespace flexai::repocheck
