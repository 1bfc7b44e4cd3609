// Verifies a published Hinomi log with golang.org/x/mod/sumdb/note and golang.org/x/mod/sumdb/tlog, which know nothing of
// Hinomi: the checkpoint's signature, the root over every leaf, inclusion of every leaf, and consistency from every size.
//
//	verify LOG-FOLDER VERIFIER-KEY [EARLIER-CHECKPOINT]
//
// Exit status 0: everything holds. 1: something does not; it says what.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func refuse(format string, args ...interface{}) {
	fmt.Printf("REFUSED: "+format+"\n", args...)
	os.Exit(1)
}

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

func open(path string, verifier note.Verifier) checkpoint {
	bytes, err := os.ReadFile(path)
	if err != nil {
		refuse("checkpoint: %v", err)
	}
	opened, err := note.Open(bytes, note.VerifierList(verifier))
	if err != nil {
		refuse("checkpoint: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 {
		refuse("checkpoint: too short")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		refuse("checkpoint: %v", err)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		refuse("checkpoint: root")
	}
	out := checkpoint{origin: lines[0], size: size}
	copy(out.root[:], root)
	return out
}

// number is a tile's number as tlog-tiles writes it.
func number(n int64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	return path
}

func partial(width int64) string {
	if width == 256 {
		return ""
	}
	return fmt.Sprintf(".p/%d", width)
}

// files reads tiles from a folder; tlog checks each one against the root before it believes a hash in it.
type files struct{ folder string }

func (f files) Height() int { return 8 }

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range tiles {
		path := fmt.Sprintf("tile/%d/%s%s", tile.L, number(tile.N), partial(int64(tile.W)))
		bytes, err := os.ReadFile(filepath.Join(f.folder, path))
		if err != nil {
			return nil, err
		}
		out = append(out, bytes)
	}
	return out, nil
}

func (f files) SaveTiles([]tlog.Tile, [][]byte) {}

func entries(folder string, size int64) [][]byte {
	var out [][]byte
	for bundle := int64(0); bundle*256 < size; bundle++ {
		width := size - bundle*256
		if width > 256 {
			width = 256
		}
		path := fmt.Sprintf("tile/entries/%s%s", number(bundle), partial(width))
		bytes, err := os.ReadFile(filepath.Join(folder, path))
		if err != nil {
			refuse("entries: %v", err)
		}
		for count := int64(0); count < width; count++ {
			if len(bytes) < 2 {
				refuse("entries: bundle %d is cut short", bundle)
			}
			length := int(binary.BigEndian.Uint16(bytes))
			if len(bytes) < 2+length {
				refuse("entries: bundle %d is cut short", bundle)
			}
			out = append(out, bytes[2:2+length])
			bytes = bytes[2+length:]
		}
		if len(bytes) != 0 {
			refuse("entries: bundle %d is too long", bundle)
		}
	}
	return out
}

func main() {
	if len(os.Args) < 3 {
		fmt.Println("verify LOG-FOLDER VERIFIER-KEY [EARLIER-CHECKPOINT]")
		os.Exit(2)
	}
	folder := os.Args[1]
	verifier, err := note.NewVerifier(os.Args[2])
	if err != nil {
		refuse("verifier key: %v", err)
	}
	now := open(filepath.Join(folder, "checkpoint"), verifier)
	if now.origin != verifier.Name() {
		refuse("checkpoint: it is of %s", now.origin)
	}

	// The tree over the entries, by tlog's own rules.
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, index := range indexes {
			out = append(out, stored[index])
		}
		return out, nil
	})
	leaves := entries(folder, now.size)
	for index, leaf := range leaves {
		hashes, err := tlog.StoredHashes(int64(index), leaf, reader)
		if err != nil {
			refuse("leaf %d: %v", index, err)
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(now.size, reader)
	if err != nil || root != now.root {
		refuse("the leaves do not have the signed root")
	}

	// Every proof again from the tiles alone.
	tree := tlog.Tree{N: now.size, Hash: now.root}
	tiles := tlog.TileHashReader(tree, files{folder})
	for index, leaf := range leaves {
		proof, err := tlog.ProveRecord(now.size, int64(index), tiles)
		if err != nil {
			refuse("inclusion of leaf %d: %v", index, err)
		}
		if err := tlog.CheckRecord(proof, now.size, now.root, int64(index), tlog.RecordHash(leaf)); err != nil {
			refuse("inclusion of leaf %d: %v", index, err)
		}
	}
	for old := int64(1); old <= now.size; old++ {
		before, err := tlog.TreeHash(old, reader)
		if err != nil {
			refuse("tree of %d: %v", old, err)
		}
		proof, err := tlog.ProveTree(now.size, old, tiles)
		if err != nil {
			refuse("consistency from %d: %v", old, err)
		}
		if err := tlog.CheckTree(proof, now.size, now.root, old, before); err != nil {
			refuse("consistency from %d: %v", old, err)
		}
	}
	if len(os.Args) > 3 {
		then := open(os.Args[3], verifier)
		if then.size > now.size {
			refuse("rolled back: %d leaves were signed before, %d are shown now", then.size, now.size)
		}
		proof, err := tlog.ProveTree(now.size, then.size, tiles)
		if err != nil {
			refuse("consistency with the earlier checkpoint: %v", err)
		}
		if err := tlog.CheckTree(proof, now.size, now.root, then.size, then.root); err != nil {
			refuse("consistency with the earlier checkpoint: %v", err)
		}
	}
	fmt.Printf("OK: %d leaves of %s\n", now.size, now.origin)
}
