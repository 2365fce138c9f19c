# Nothing here is for Python: the functions are in conv_face.
