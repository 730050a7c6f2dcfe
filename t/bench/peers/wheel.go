// SPDX-License-Identifier: Apache-2.0

// wheel.go: wheels in Go's net/http, as one would write them first: a goroutine
// a wheel, which net/http starts, and a flag that a stop sets and replaces.
//
// Arguments: the address to listen at, the directory of ordinary files, and a
// file that grows by a byte with the first turn of each wheel.
package main

import (
	"fmt"
	"log"
	"math/rand"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

const stopped = `"Wheel running job stopped. ` +
	`See the rotate request output now to see the lucky number."`

var (
	current atomic.Pointer[atomic.Bool]
	seed    atomic.Int64
	started *os.File
)

func answer(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	fmt.Fprint(w, body)
}

func rotate(w http.ResponseWriter, r *http.Request) {
	stop := current.Load()
	begun := time.Now()
	wheel := rand.New(rand.NewSource(seed.Add(1) + begun.UnixNano()))
	number := wheel.Intn(10)
	started.WriteString(".")
	turns := 1
	for !stop.Load() {
		number = wheel.Intn(10)
		turns++
	}
	w.Header().Set("Wheel-Turns", fmt.Sprint(turns))
	w.Header().Set("Wheel-Elapsed",
		fmt.Sprintf("%.6f", time.Since(begun).Seconds()))
	answer(w, fmt.Sprintf(`"Your lucky number is %d!"`, number))
}

func stop(w http.ResponseWriter, r *http.Request) {
	current.Swap(new(atomic.Bool)).Store(true)
	answer(w, stopped)
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: wheel ADDRESS HTDOCS STARTED")
	}
	file, err := os.OpenFile(os.Args[3], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		log.Fatal(err)
	}
	started = file
	current.Store(new(atomic.Bool))
	http.HandleFunc("/rotate", rotate)
	http.HandleFunc("/stop", stop)
	http.Handle("/", http.FileServer(http.Dir(os.Args[2])))
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
