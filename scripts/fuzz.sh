#!/usr/bin/env bash
# Fuzzes what reads bytes from outside: Tests/Fuzz/NAMEFuzz.swift with libFuzzer and AddressSanitizer. Names may be given; otherwise
# all run, FUZZ_SECONDS each. What is found stays in .build-fuzz/NAME.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-60}
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(MLLP HL7 JSON XML FHIR DICOM PDU Hilt)

# The fuzzer wants one module: the rooms without I/O, in one, without the imports of each other.
work=$PWD/.build-fuzz
sources=$work/sources
rm -rf "$sources"
mkdir -p "$sources"
for room in Messages Text HL7 FHIR DICOM Hilt; do
  while IFS= read -r -d '' file; do
    sed -E '/^ *((public|package|internal) )?import (Messages|Text|HL7|FHIR|DICOM|Hilt|Crypto)$/d' "$file" \
      >"$sources/${room}_$(basename "$file")"
  done < <(find "Sources/$room" -name '*.swift' -print0)
done

cp Tests/Fuzz/FuzzCrypto.swift "$sources/"
# The tables of HL7, FHIR and DICOM, which Swift's own clang embeds.
clang=$(dirname "$(readlink -f "$(command -v swiftc)")")/clang
printf 'module CHL7Tables { header "%s" export * }\n' "$PWD/Sources/CHL7Tables/include/HL7Tables.h" >"$work/module.modulemap"
printf 'module CFHIRTables { header "%s" export * }\n' "$PWD/Sources/CFHIRTables/include/FHIRTables.h" >>"$work/module.modulemap"
printf 'module CDICOMTables { header "%s" export * }\n' "$PWD/Sources/CDICOMTables/include/DICOMTables.h" >>"$work/module.modulemap"
printf 'module CZlib [system] { header "%s" export * }\n' "$PWD/Sources/CZlib/shim.h" >>"$work/module.modulemap"
"$clang" -c -I Sources/CHL7Tables/include Sources/CHL7Tables/HL7Tables.c -o "$work/HL7Tables.o"
"$clang" -c -I Sources/CFHIRTables/include Sources/CFHIRTables/FHIRTables.c -o "$work/FHIRTables.o"
"$clang" -c -I Sources/CDICOMTables/include Sources/CDICOMTables/DICOMTables.c -o "$work/DICOMTables.o"
# libxml2 behind its header of our own.
printf 'module CXMLReader { header "%s" export * }\n' "$PWD/Sources/CXMLReader/include/XMLReader.h" >>"$work/module.modulemap"
read -ra xml_flags < <(pkg-config --cflags libxml-2.0)
"$clang" -c -fsanitize=address -O1 -I Sources/CXMLReader/include "${xml_flags[@]}" Sources/CXMLReader/XMLReader.c -o "$work/XMLReader.o"

flags=(-sanitize=fuzzer,address -O -package-name hilum -suppress-warnings -swift-version 6
  -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault
  -Xcc "-fmodule-map-file=$work/module.modulemap")
# The rooms are built once for all fuzzers, and again only where a file of theirs has changed.
state=$(cat "$sources"/*.swift scripts/fuzz.sh | sha256sum)
if [ "$state" != "$(cat "$work/built" 2>/dev/null)" ]; then
  echo "── building the rooms"
  rm -rf "$work/built" "$work/objects"
  mkdir -p "$work/objects"
  (cd "$work/objects" && swiftc -c -parse-as-library -wmo -num-threads "$(nproc)" "${flags[@]}" -module-name Fuzzed \
    -emit-module -emit-module-path "$work/Fuzzed.swiftmodule" "$sources"/*.swift)
  echo "$state" >"$work/built"
fi

failed=()
for name in "${names[@]}"; do
  { echo "import Fuzzed" && cat "Tests/Fuzz/${name}Fuzz.swift"; } >"$work/${name}Fuzz.swift"
  swiftc -use-ld=lld -parse-as-library "${flags[@]}" -module-name "${name}Fuzz" -I "$work" "$work/HL7Tables.o" \
    "$work/FHIRTables.o" "$work/DICOMTables.o" "$work/XMLReader.o" -lxml2 -lz "$work"/objects/*.o "$work/${name}Fuzz.swift" -o "$work/$name-fuzz"
  found=$work/$name
  mkdir -p "$found"
  seeds=()
  case $name in
    HL7 | MLLP) [ ! -d Tests/Corpus/hl7 ] || seeds+=(Tests/Corpus/hl7) ;;
    JSON | FHIR)
      rm -rf "$work/resources" && mkdir -p "$work/resources"
      while IFS= read -r -d '' file; do
        cp "$file" "$work/resources/$(sha256sum "$file" | cut -c1-16).json"
      done < <(find Transforms Examples -name '*.json' -size -8k -print0)
      seeds+=("$work/resources")
      ;;
    DICOM)
      # Small files that pydicom tries itself with, where it is installed.
      rm -rf "$work/files" && mkdir -p "$work/files"
      find .venv/lib -path '*pydicom/data*' -name '*.dcm' -size -12k -exec cp {} "$work/files" \; 2>/dev/null || true
      seeds+=("$work/files")
      ;;
    XML)
      rm -rf "$work/documents" && mkdir -p "$work/documents"
      printf '%s\n' '<a xmlns="urn:d" xmlns:p="urn:p" p:b="1"><p:c>x &amp; y<![CDATA[<z>]]></p:c><!-- n --><?pi d?></a>' \
        >"$work/documents/one.xml"
      printf '%s\n' '//p:a[@b="1" and position() < 3]/text() | ../*' '<a b="&#10;&quot;"/>' >"$work/documents/two.xml"
      seeds+=("$work/documents")
      ;;
    Hilt)
      # The programs of the conformance cases, without what they are given and what is expected.
      rm -rf "$work/programs" && mkdir -p "$work/programs"
      while IFS= read -r -d '' file; do
        sed '/^----------/,$d' "$file" >"$work/programs/$(basename "$file").hilt"
      done < <(find Tests/HiltTests/Conformance -name '*.hilt-test' -print0)
      seeds+=(Transforms "$work/programs")
      ;;
  esac
  echo "── $name: $seconds s"
  SWIFT_BACKTRACE=enable=no "$work/$name-fuzz" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 \
    -verbosity=0 -print_final_stats=1 -artifact_prefix="$found/crash-" "$found" "${seeds[@]}" 2>&1 |
    grep -vE '# Uses: |recommended dictionary' || failed+=("$name")
done
[ ${#failed[@]} -eq 0 ] || { echo "found something: ${failed[*]} (see .build-fuzz)" >&2; exit 1; }
