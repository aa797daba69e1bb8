const element = document.querySelector("voxaffect-recording");
element.data = JSON.parse(document.getElementById("data").textContent);

// The sound is decoded after the first drawing, so that an hour opens at once.
const sound = document.getElementById("sound");
if (sound) {
  requestAnimationFrame(() => setTimeout(() => {
    const text = atob(sound.textContent);
    const bytes = new Uint8Array(text.length);
    for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index);
    element.delay = Number(sound.dataset.delay);
    element.audio = URL.createObjectURL(new Blob([bytes], { type: "audio/mpeg" }));
  }));
}
